"""What held whole campaigns or channels back while a recipient's messages waited: approvals, pauses, suspensions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.organisation.teams import is_at_or_below
from nightmail.recipients.events import Event, EventKind
from nightmail.recipients.message_stories import LedgerMessage
from nightmail.recipients.queries import HOLDS
from nightmail.store.states import MessageState

MOST = 500
PAUSED, SENDING, SCHEDULED = "campaign.paused", "campaign.sending", "campaign.scheduled"
LIFTED = "suppression.lifted"
_WAITING = (MessageState.QUEUED, MessageState.STANDBY)


@dataclass(frozen=True, slots=True)
class Hold:
    """A span in which messages could not go, with the events that tell of it."""

    since: dt.datetime
    until: dt.datetime | None
    """``None``: it still holds."""
    events: tuple[Event, ...]


@dataclass(slots=True)
class CampaignHolds:
    """What held some campaigns: by campaign approvals and pauses; by channel suspensions."""

    by_campaign: dict[int, list[Hold]] = field(default_factory=dict)
    suspensions: list[Row[Any]] = field(default_factory=list)
    decisions: list[Row[Any]] = field(default_factory=list)
    """Entries of the audit log, those about suppressions too."""

    def of(self, message: LedgerMessage) -> list[Hold]:
        """What held a message: from when it was planned until it was handed off, ended, or now."""
        end = None if message.state in _WAITING else message.handed_off_at or message.changed_at
        holds = [*self.by_campaign.get(message.campaign_id, ()), *self._suspensions_of(message)]
        return [
            hold
            for hold in holds
            if (end is None or hold.since < end) and (hold.until is None or hold.until > message.planned_at)
        ]

    def _suspensions_of(self, message: LedgerMessage) -> list[Hold]:
        return [
            _suspension(row, message)
            for row in self.suspensions
            if row.channel == message.channel
            and (row.team is None or is_at_or_below(message.team, row.team))
            and row.carrier_account_id in (None, message.carrier_account_id)
            and row.sender in (None, message.sent_from)
        ]


def free_at(holds: Iterable[Hold]) -> dt.datetime | None:
    """When the last of the holds ended."""
    return max((hold.until for hold in holds if hold.until is not None), default=None)


def holds_of(connection: Connection, messages: Sequence[LedgerMessage], hashes: Iterable[str]) -> CampaignHolds:
    """What held the campaigns of messages, and what was decided about them and about the addresses of ``hashes``."""
    campaigns = {message.campaign_id: message for message in messages}
    objects = [*(message.campaign for message in campaigns.values()), *hashes]
    found = CampaignHolds()
    if not objects:
        return found
    values = {
        "objects": objects,
        "actions": [PAUSED, SENDING, SCHEDULED, LIFTED],
        "channels": sorted({message.channel for message in messages}),
        "campaigns": list(campaigns),
        "limit": MOST,
        **_span(messages),
    }
    for row in connection.execute(text(HOLDS), values):
        if row.what == "suspension":
            found.suspensions.append(row)
        elif row.what == "decision":
            found.decisions.append(row)
        else:
            found.by_campaign.setdefault(row.id, []).append(_approval(row, campaigns[row.id]))
    for campaign_id, message in campaigns.items():
        found.by_campaign.setdefault(campaign_id, []).extend(_pauses(message, found.decisions))
    return found


def _span(messages: Sequence[LedgerMessage]) -> dict[str, dt.datetime | None]:
    """From when the first of messages was planned until the last of them was handed off, ended, or now."""
    if not messages:
        return {"first": None, "last": None}
    last = max(max(message.changed_at, message.handed_off_at or message.changed_at) for message in messages)
    if any(message.state in _WAITING for message in messages):
        last = dt.datetime.now(dt.UTC)
    return {"first": min(message.planned_at for message in messages), "last": last}


def _approval(row: Row[Any], message: LedgerMessage) -> Hold:
    events = [_of_campaign(message, row.since, EventKind.WAITED_APPROVAL, reason=row.reason)]
    if row.lifted_at is not None:
        events.append(_of_campaign(message, row.lifted_at, EventKind.APPROVED, by=row.by))
    return Hold(row.since, row.lifted_at, tuple(events))


def _pauses(message: LedgerMessage, decisions: Iterable[Row[Any]]) -> list[Hold]:
    holds: list[Hold] = []
    begin: Row[Any] | None = None
    for entry in decisions:
        if entry.object != message.campaign:
            continue
        if entry.action == PAUSED:
            begin = begin or entry
        elif begin is not None and entry.action in (SENDING, SCHEDULED):
            events = (
                _of_campaign(message, begin.since, EventKind.PAUSED, by=begin.by),
                _of_campaign(message, entry.since, EventKind.RESUMED, by=entry.by),
            )
            holds.append(Hold(begin.since, entry.since, events))
            begin = None
    if begin is not None:
        holds.append(Hold(begin.since, None, (_of_campaign(message, begin.since, EventKind.PAUSED, by=begin.by),)))
    return holds


def _of_campaign(message: LedgerMessage, at: dt.datetime, kind: EventKind, **facts: object) -> Event:
    return Event(at, kind, facts, message.campaign, message.team)


def _suspension(row: Row[Any], message: LedgerMessage) -> Hold:
    what = message.channel
    if row.carrier_account_id is not None:
        what = f"{message.channel} over {message.carrier_account}"
    if row.sender is not None:
        what = f"{what} from {row.sender}"
    facts = {
        "what": what,
        "account": message.carrier_account if row.carrier_account_id is not None else None,
        "sender": row.sender,
        "by": row.by,
        "reason": row.reason,
        "until": row.lifted_at,
        "suspension": row.id,
    }
    event = Event(row.since, EventKind.SUSPENDED, facts, message.campaign, message.team, message.channel, message.id)
    return Hold(row.since, row.lifted_at, (event,))
