"""Sending what was looked at: a draft becomes a campaign, once, and only as it was shown."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.principals import Principal
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.shown_before import SHOWN
from nightmail.contacts.list_files import ListFile
from nightmail.errors import ContactFileError, UsageError
from nightmail.forecasts.finish_forecast import FinishForecast
from nightmail.forecasts.recorded_forecasts import record_forecast
from nightmail.intake import queries
from nightmail.intake.direct_sends import register_direct_send
from nightmail.intake.draft_looks import arrival_of, kept_file
from nightmail.intake.list_sends import register_list_send, take_list
from nightmail.intake.send_drafts import HOLDS, DraftRow, find_draft
from nightmail.stated_times import TOLERANCE

KEPT_DAYS = 30
"""Days for which the draft of a send leads to its campaign."""


def send_draft(
    engine: Engine, number: int, *, by: Principal, seen: str, incoming: Path, again: bool = False
) -> CampaignRow:
    """Make the campaign of a draft; asked for again, the campaign that it became. ``seen`` is the fingerprint of what was shown.

    ``again`` sends the same content once more, on purpose. Raises :class:`UsageError`: ``send_unknown``, ``send_changed`` (it is not
    as it was shown: look again), ``send_unusable``, ``send_repeated``; and :class:`NightmailError` (``not_permitted``).
    """
    taken: list[Path] = []
    try:
        with engine.begin() as connection:
            campaign = _sent(connection, number, by, seen, incoming, taken, again=again)
    except BaseException:
        for path in taken:
            path.unlink(missing_ok=True)
        raise
    return campaign


def _sent(
    connection: Connection, number: int, by: Principal, seen: str, incoming: Path, taken: list[Path], *, again: bool
) -> CampaignRow:
    """The campaign of a draft. ``taken`` are files that are nobody's unless this is committed."""
    draft = find_draft(connection, number, by=by, locked=True)
    if draft.campaign_id is not None:
        return get_campaign(connection, draft.campaign_id)
    shown = _as_shown(draft, seen)
    state, campaign = _registered(connection, draft, by, incoming, taken, again=again)
    if state == "repeated":
        raise UsageError("send_repeated", campaign=campaign.key)
    record_counts(connection, campaign.id, {SHOWN: {"planned": shown["counts"]["planned"], "costs": shown["costs"]}})
    finishes_by = shown["finishes_by"] and dt.datetime.fromisoformat(shown["finishes_by"])
    record_forecast(connection, campaign, FinishForecast(finishes_by, None), estimated=True)
    connection.execute(text(queries.DRAFT_SENT), {"id": draft.id, "campaign": campaign.id, "days": KEPT_DAYS})
    return get_campaign(connection, campaign.id)


def _as_shown(draft: DraftRow, seen: str) -> dict[str, Any]:
    """What was shown, if the draft is as it was shown still."""
    if draft.shown is None or draft.shown_hash != seen:
        raise UsageError("send_changed", what="what is sent, or when, was changed in another window")
    if draft.outdated:
        raise UsageError("send_changed", what=f"the template {draft.template} has a newer version")
    if draft.shown_at is None or draft.now - draft.shown_at > HOLDS:
        raise UsageError("send_changed", what="it was looked at more than an hour ago")
    if draft.start is not None and draft.start.last < draft.now - TOLERANCE:
        raise UsageError("send_changed", what="the time at which it was to start is over")
    shown = dict(draft.shown)
    if shown["problems"] or not shown["counts"]["planned"]:
        raise UsageError("send_unusable")
    return shown


def _registered(
    connection: Connection, draft: DraftRow, by: Principal, incoming: Path, taken: list[Path], *, again: bool
) -> tuple[str, CampaignRow]:
    version = draft.template_version_id
    if draft.of_book:
        listed = _list_as_shown(connection, draft, incoming)
        taken.append(listed.path)
        sent = register_list_send(connection, draft.team, version, listed, by=by, start=draft.start, again=again)
        return sent.state, sent.campaign
    try:
        arrival = arrival_of(draft, kept_file(draft))
    except ContactFileError:
        raise UsageError("send_changed", what="the file is not there any more as it came") from None
    done = register_direct_send(
        connection, draft.team, version, arrival, actor=by.actor, start=draft.start, again=again
    )
    assert done.campaign is not None
    return done.state, done.campaign


def _list_as_shown(connection: Connection, draft: DraftRow, incoming: Path) -> ListFile:
    """Everybody who is in the list now, if they are those who were shown, with the same values."""
    listed = take_list(connection, draft.team, draft.source, int(draft.source_id or 0), incoming)
    if listed.sha256 != draft.sha256:
        listed.path.unlink(missing_ok=True)
        raise UsageError("send_changed", what=f"{draft.name} has other contacts now, or other values of theirs")
    return listed
