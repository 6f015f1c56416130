"""The checks of a stored campaign's tables: the contract of each, and that all rows are accounted for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.expectations import Expectation, ExpectationResult, Validation
from nightmail.preparation.file_contract import (
    ContractProblem,
    address_problem,
    file_problems,
    reject_problems,
    shared_key_problems,
    template_problems,
)
from nightmail.preparation.joined_validation import Judged, validate_together
from nightmail.preparation.reconciliation import Reconciled, reconcile_preparation
from nightmail.preparation.table_contracts import (
    audience_contract,
    contact_file_contract,
    contacts_contract,
    messages_contract,
)
from nightmail.preparation.table_validation import validate


@dataclass(frozen=True)
class TableCheck:
    """The check of one table: its contract, and what the feed's contract asks for beyond the table's."""

    table: str
    contract: Callable[[CampaignPreparation], list[Expectation]]
    further: Callable[[CampaignPreparation, Validation], Validation] = lambda _, validation: validation

    def _judged(self, stored: CampaignPreparation) -> Judged:
        return Judged(getattr(stored.tables, self.table), self.contract(stored))

    def __call__(self, stored: CampaignPreparation) -> Validation:
        """Check the table of one campaign."""
        judged = self._judged(stored)
        return self.further(stored, validate(self.table, judged.file, judged.contract))

    def of_group(self, group: Sequence[CampaignPreparation]) -> list[Validation]:
        """Check the tables of several small campaigns, each as if it were alone."""
        validations = validate_together(self.table, [self._judged(stored) for stored in group])
        return [self.further(stored, found) for stored, found in zip(group, validations, strict=True)]


def _beyond_contact_file(stored: CampaignPreparation, validation: Validation) -> Validation:
    columns = tuple(stored.tables.contact_file.schema().names)
    lacking = address_problem(stored.preparation, columns)
    addresses = ExpectationResult("no column holds an address", "addresses", lacking is None, int(lacking is not None))
    foreign = len(template_problems(stored.preparation, columns))
    text = ExpectationResult("the template names a column as another tool does", "notation", not foreign, foreign)
    problems = file_problems(stored.preparation, columns, int(stored.campaign.counts["rows"]))
    return _with(validation, problems, addresses, text)


def _beyond_contacts(stored: CampaignPreparation, validation: Validation) -> Validation:
    counts = stored.campaign.counts
    rejects = int(counts["rejects"])
    problems = reject_problems(stored.preparation, int(counts["rows"]), rejects, bool(counts.get("corrections")))
    says = "the share of rejected rows is over the feed's limit"
    share = ExpectationResult(says, "reject_share", not problems, rejects if problems else 0)
    shared = int(counts.get("stages", {}).get("contacts", {}).get("shared_keys", 0))
    sharing = shared_key_problems(stored.preparation, int(counts["rows"]), shared)
    says = "too many rows share a key with rows of other addresses"
    keys = ExpectationResult(says, "shared_keys", not sharing, shared if sharing else 0)
    return _with(validation, (*problems, *sharing), share, keys)


check_contact_file = TableCheck(
    "contact_file",
    lambda stored: contact_file_contract(stored.preparation, bool(stored.campaign.counts.get("corrections"))),
    _beyond_contact_file,
)
"""The columns that the template and the feed need are there, and the volume is what the feed allows."""
check_contacts = TableCheck(
    "contacts",
    lambda stored: contacts_contract(stored.preparation, stored.tables.contacts.schema().names),
    _beyond_contacts,
)
"""Keys are unique, addresses normalised, and the share of rejected rows is under the feed's limit."""
check_audience = TableCheck("audience", lambda _: audience_contract())
"""Every contact is planned on a channel, or held with a reason."""
check_messages = TableCheck("messages", lambda stored: messages_contract(stored.preparation, stored.tables.contacts))
"""No placeholder is unfilled, nothing is over a channel's limit, and every message id is there once."""


def check_rows(stored: CampaignPreparation) -> Reconciled:
    """Check that every row of the file is accounted for, counted from the tables themselves."""
    return reconcile_preparation(stored.tables, int(stored.campaign.counts["rows"]))


def _with(validation: Validation, problems: tuple[ContractProblem, ...], *results: ExpectationResult) -> Validation:
    """Return the validation with further results; the first problem with the feed's contract says what is wrong."""
    stated = problems[0].as_dict() if problems else None
    return replace(validation, results=(*validation.results, *results), stated_problem=stated)
