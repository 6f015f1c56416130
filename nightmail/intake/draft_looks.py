"""Looking before sending: what the pipeline would make of a draft, by the pipeline's own stages; nothing of it is sent.

The campaign is made as sending makes it, in a transaction that is rolled back: settings, category, prices and rules are its own. What
came out is kept with the draft; its fingerprint is what the send is bound to.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal
from nightmail.audience import PreferenceSource
from nightmail.audit import write_entry
from nightmail.campaigns.approval import approval_needed
from nightmail.campaigns.budgets import over_budget
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contacts.list_files import ListFile
from nightmail.errors import ContactFileError
from nightmail.forecasts.finish_forecast import FinishForecast, work_of_messages
from nightmail.intake import queries
from nightmail.intake.arrival import Arrival
from nightmail.intake.direct_sends import register_direct_send
from nightmail.intake.draft_previews import chosen_messages
from nightmail.intake.list_sends import register_list_send, take_list
from nightmail.intake.send_drafts import KEPT_S, DraftRow, find_draft
from nightmail.intake.verdicts import Verdict, verdict_of_tables
from nightmail.lake import Lake
from nightmail.organisation.stored_templates import newest_template_version
from nightmail.organisation.team_settings import hold_back_seconds
from nightmail.preparation.campaign_preparation import load_preparation
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.prepared_finish import prepared_finish
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stages import Prepared, prepare
from nightmail.preparation.stored_preferences import StoredPreferences
from nightmail.settings import Settings
from nightmail.stated_times import StatedStart

_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Planned:
    """The campaign that a draft would be, which is in no table, and how it would be prepared."""

    campaign: CampaignRow
    preparation: Preparation
    known: PreferenceSource
    repeats: str | None
    """The campaign that sent the same before."""


def look(
    engine: Engine,
    draft: DraftRow,
    settings: Settings,
    *,
    by: Principal,
    personal: bool,
    start: StatedStart | None = None,
) -> DraftRow:
    """Find out what a draft would send at ``start`` (``None``: at once) with its template as it is now, and keep that with it.

    ``personal`` keeps messages and rows as they would be, for who may see personal data. Raises
    :class:`nightmail.errors.NightmailError`: what a list or file cannot be used for, ``send_unknown``.
    """
    folder = Path(tempfile.mkdtemp(prefix="nightmail-look-"))
    try:
        with engine.connect() as connection:
            version = newest_template_version(connection, draft.template_id)
        file, listed, sha256 = _source(engine, draft, folder)
        planned = _planned(engine, replace(draft, template_version_id=version), settings, file, listed, by, start)
        tables = StageTables.in_folder(folder)
        prepared = prepare(replace(planned.preparation, work_folder=folder), file, tables, planned.known)
        shown = _shown(engine, planned, prepared, tables, personal=personal)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    written = json.dumps(shown, default=str, sort_keys=True)
    moments = (start and start.moment.isoformat(), start and start.local and start.local.isoformat())
    digest = hashlib.sha256(json.dumps([draft.id, version, sha256, *moments, written]).encode()).hexdigest()
    with engine.begin() as connection:
        values = {
            "id": draft.id,
            "shown": written,
            "hash": digest,
            "sha256": sha256,
            "start": start and start.moment,
            "local": start and start.local,
            "version": version,
            "kept_s": KEPT_S,
        }
        connection.execute(text(queries.SHOW_DRAFT), values)
        if draft.shown_at is not None:
            write_entry(
                connection,
                actor=by.actor,
                action="send.changed",
                subject=f"send:{draft.id}",
                team_id=draft.team_id,
                before={"version": draft.template_version_id, "start": draft.start_at and draft.start_at.isoformat()},
                after={"version": version, "start": start and start.moment.isoformat()},
            )
        return find_draft(connection, draft.id, by=by)


def kept_file(draft: DraftRow) -> Path:
    """The file of a draft, which is as it came. Raises :class:`ContactFileError` (``file_unreadable``)."""
    path = Path(draft.path or "")
    if draft.path is None or not path.is_file() or _sha256(path) != draft.sha256:
        raise ContactFileError("file_unreadable", detail="the stored upload is not there any more")
    return path


def arrival_of(draft: DraftRow, file: Path) -> Arrival:
    """The file of a draft as one that came."""
    return Arrival(
        source="portal", path=draft.name, name=draft.name, size=draft.size, sha256=draft.sha256, stored_path=file
    )


def _source(engine: Engine, draft: DraftRow, folder: Path) -> tuple[Path, ListFile | None, str]:
    if not draft.of_book:
        return kept_file(draft), None, draft.sha256
    with engine.connect() as connection:
        listed = take_list(connection, draft.team, draft.source, int(draft.source_id or 0), folder)
    return listed.path, listed, listed.sha256


def _planned(
    engine: Engine,
    draft: DraftRow,
    settings: Settings,
    file: Path,
    listed: ListFile | None,
    by: Principal,
    start: StatedStart | None,
) -> _Planned:
    with _rolled_back(engine) as connection:
        repeats = None
        for again in (False, True):
            campaign = _made(connection, draft, file, listed, by, start, again=again)
            if campaign[0] != "repeated":
                break
            repeats = campaign[1].key
        made = campaign[1]
        preparation = load_preparation(connection, made, Lake(settings.lake), settings).preparation
        preparation = replace(preparation, preview=True)
        if listed is not None:
            # What the campaign's own file name is: a list has none.
            preparation = replace(preparation, file_name=None)
        return _Planned(made, preparation, StoredPreferences(engine, draft.team), repeats)


def _made(
    connection: Connection,
    draft: DraftRow,
    file: Path,
    listed: ListFile | None,
    by: Principal,
    start: StatedStart | None,
    *,
    again: bool,
) -> tuple[str, CampaignRow]:
    version = draft.template_version_id
    if listed is not None:
        sent = register_list_send(connection, draft.team, version, listed, by=by, start=start, again=again)
        return sent.state, sent.campaign
    arrival = arrival_of(draft, file)
    done = register_direct_send(connection, draft.team, version, arrival, actor=by.actor, start=start, again=again)
    assert done.campaign is not None
    return done.state, done.campaign


@contextmanager
def _rolled_back(engine: Engine) -> Iterator[Connection]:
    """A connection whose changes are seen by nobody and stay nowhere."""
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield connection
        finally:
            transaction.rollback()


def _shown(
    engine: Engine, planned: _Planned, prepared: Prepared, tables: StageTables, *, personal: bool
) -> dict[str, Any]:
    """What is shown, JSON-ready."""
    messages = prepared.messages.as_dict()
    ending = FinishForecast(None, None)
    with _rolled_back(engine) as connection:
        waits = _waits(connection, planned, prepared, messages)
        if not prepared.problems:
            ending = prepared_finish(connection, planned.preparation, work_of_messages(tables.messages))
            ending = _held_back(connection, planned.campaign, ending)
    template = planned.preparation.template
    warnings = [warning.message for warning in prepared.contact_file.warnings]
    warnings += [f"{finding.as_dict()['message']}" for finding in template.warnings(prepared.contact_file.columns)]
    return {
        "counts": prepared.counts,
        "verdict": _verdict(prepared, tables, personal=personal),
        "previews": chosen_messages(tables.messages) if personal and not prepared.problems else [],
        "problems": [problem.as_dict() for problem in prepared.problems],
        "waits": None if waits is None else dict(waits),
        "warnings": warnings,
        "columns": list(prepared.contact_file.columns),
        "costs": messages["costs"],
        "standby_costs": messages.get("standby_costs", {}),
        "unpriced": int(messages.get("unpriced", 0)),
        "segments": int(messages["segments"]),
        "by_channel": messages["by_channel"],
        "finishes_by": None if ending.finishes_by is None else ending.finishes_by.isoformat(),
        "late": ending.late,
        "repeats": planned.repeats,
        "personal": personal,
    }


def _held_back(connection: Connection, campaign: CampaignRow, ending: FinishForecast) -> FinishForecast:
    """The end of a send that goes at once, later by the seconds in which it can be undone."""
    if ending.finishes_by is None or campaign.scheduled_at is not None:
        return ending
    return replace(
        ending, finishes_by=ending.finishes_by + dt.timedelta(seconds=hold_back_seconds(connection, campaign.team))
    )


def _waits(
    connection: Connection, planned: _Planned, prepared: Prepared, messages: Mapping[str, Any]
) -> Mapping[str, str] | None:
    """Why the campaign would wait for a person, as its preparation will find."""
    counts = {"stages": {"messages": messages}, "costs": messages["costs"], **prepared.counts}
    campaign = replace(planned.campaign, counts=counts)
    return over_budget(connection, campaign, planned.preparation.rules, counts) or approval_needed(
        connection,
        campaign,
        planned.preparation.feed,
        rows=prepared.contacts.rows,
        contacts=prepared.contacts.contacts,
        corrections=prepared.contact_file.own_rejects,
    )


def _verdict(prepared: Prepared, tables: StageTables, *, personal: bool) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "rejects_by_reason": dict(prepared.contacts.by_reason),
        "warnings_by_reason": dict(prepared.contacts.warnings_by_reason),
        "held_by_reason": dict(prepared.audience.by_reason + prepared.messages.by_reason),
    }
    verdict: Verdict = verdict_of_tables(counts, tables)
    found = asdict(verdict)
    if not personal:
        for group in (group for groups in found.values() for group in groups):
            for row in group["samples"]:
                row |= {"value": None, "message": ""}
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        digest = hashlib.sha256()
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
