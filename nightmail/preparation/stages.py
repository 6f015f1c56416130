"""From a file to messages: the chain of stages of one campaign, the same for the pipeline, `nightmail check` and benchmarks.

Each asset calls its own stage (:func:`read_file`, :func:`make_contacts`, :func:`make_audience`, :func:`make_messages`);
`check` calls :func:`prepare`, which is all of them in order. What decides is one value, :class:`Preparation`, so that
both judge a file alike. :func:`contract_problems` says whether the file keeps its feed's contract.

>>> tables = StageTables.in_folder("out")
>>> prepared = prepare(Preparation(template=template, hash_key=key), Path("due.csv"), tables)
>>> prepared.counts["contacts"], prepared.problems
(998, ())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nightmail.audience import AudienceSummary, BookIds, KnownPreferences, PreferenceSource, plan_audience
from nightmail.contact_files import ContactFileSummary, read_contact_file
from nightmail.preparation.file_contract import ContractProblem, contract_problems
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.progress import Progress
from nightmail.row_checks import ContactsSummary, EarlierCampaign, prepare_contacts
from nightmail.templates import MessagesSummary, render_messages


def read_file(
    preparation: Preparation, source: Path, tables: StageTables, progress: Progress | None = None
) -> ContactFileSummary:
    """Stage ``contact_file``. Raises :class:`nightmail.errors.ContactFileError` when the file cannot be used at all."""
    return read_contact_file(source, tables.contact_file, preparation.read_options(tables.file_rejects), progress)


def make_contacts(
    preparation: Preparation,
    tables: StageTables,
    earlier: tuple[EarlierCampaign, ...] = (),
    progress: Progress | None = None,
) -> ContactsSummary:
    """Stage ``contacts``: writes ``contacts``, ``rejects`` and ``warnings``."""
    rules = preparation.contact_rules(tables.file_rejects, earlier)
    return prepare_contacts(tables.contact_file, tables.contacts, tables.rejects, tables.warnings, rules, progress)


def make_audience(
    preparation: Preparation,
    tables: StageTables,
    known: PreferenceSource | None = None,
    progress: Progress | None = None,
) -> AudienceSummary:
    """Stage ``audience``; without ``known`` there are no preferences, consents and suppressions.

    Of a file from the address book, contacts keep the ids that they have there.
    """
    ids = BookIds.of(tables.contact_file) if preparation.from_book else None
    known = known or KnownPreferences.nothing()
    policy = preparation.audience_policy()
    return plan_audience(
        tables.contacts, tables.audience, policy, known, progress, ids, decisions=tables.audience_decisions
    )


def make_messages(preparation: Preparation, tables: StageTables, progress: Progress | None = None) -> MessagesSummary:
    """Stage ``messages``. Contacts that cannot be rendered turn to held: ``audience`` is then written again."""
    return render_messages(
        tables.contacts, tables.audience, tables.messages, preparation.template, preparation.render_options(), progress
    )


@dataclass(frozen=True)
class Prepared:
    """What came out of :func:`prepare`."""

    contact_file: ContactFileSummary
    contacts: ContactsSummary
    audience: AudienceSummary
    messages: MessagesSummary
    problems: tuple[ContractProblem, ...]

    @property
    def counts(self) -> dict[str, int]:
        """``rows, rejects, duplicates, contacts, planned, held, messages, queued, standby``; they reconcile."""
        return campaign_counts(self.contacts.as_dict(), {**self.audience.as_dict()}, self.messages.as_dict())


def campaign_counts(
    contacts: Mapping[str, Any], audience: Mapping[str, Any], messages: Mapping[str, Any]
) -> dict[str, int]:
    """The counts of a campaign from its stages' summaries; what rendering held is moved from planned to held."""
    held_later = int(messages.get("held", 0))
    return {
        "rows": int(contacts["rows"]),
        "rejects": int(contacts["rejects"]),
        "duplicates": int(contacts["duplicates"]),
        "contacts": int(contacts["contacts"]),
        "planned": int(audience["planned"]) - held_later,
        "held": int(audience["held"]) + held_later,
        "messages": int(messages["messages"]),
        "queued": int(messages["queued"]),
        "standby": int(messages["standby"]),
    }


def prepare(
    preparation: Preparation,
    source: Path,
    tables: StageTables,
    known: PreferenceSource | None = None,
    progress: Progress | None = None,
    earlier: tuple[EarlierCampaign, ...] = (),
) -> Prepared:
    """All stages in order. Problems with the contract are gathered, not raised, so that everything wrong is seen at once.

    Contacts of ``earlier`` campaigns are duplicates.
    """
    contact_file = read_file(preparation, source, tables, progress)
    contacts = make_contacts(preparation, tables, earlier, progress)
    audience = make_audience(preparation, tables, known, progress)
    messages = make_messages(preparation, tables, progress)
    return Prepared(contact_file, contacts, audience, messages, contract_problems(preparation, contact_file, contacts))
