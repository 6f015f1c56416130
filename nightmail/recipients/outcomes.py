"""In short: how each campaign went for a recipient, in one line each, with what decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.recipients.events import Event, EventKind, sentence_of
from nightmail.recipients.message_stories import LedgerMessage
from nightmail.store.states import MessageState


class Outcome(StrEnum):
    """How a campaign went for one recipient, from the best to the worst."""

    DELIVERED = "delivered"
    ON_ITS_WAY = "on_its_way"
    """The carrier took it, and has not said yet how it ended."""
    WAITING = "waiting"
    IN_DOUBT = "in_doubt"
    NOT_DELIVERED = "not_delivered"
    """It was handed off, and did not arrive."""
    NOT_SENT = "not_sent"


_BEST_FIRST = tuple(Outcome)
_DECISIVE = {
    Outcome.DELIVERED: (EventKind.RECEIPT,),
    Outcome.ON_ITS_WAY: (EventKind.HANDED_OFF,),
    Outcome.WAITING: (EventKind.WAITED, EventKind.SUSPENDED, EventKind.PAUSED, EventKind.WAITED_APPROVAL),
    Outcome.IN_DOUBT: (EventKind.IN_DOUBT,),
    Outcome.NOT_DELIVERED: (EventKind.RECEIPT,),
    Outcome.NOT_SENT: (EventKind.ENDED, EventKind.HELD, EventKind.REJECTED),
}


@dataclass(frozen=True, slots=True)
class CampaignOutcome:
    """How one campaign went for the recipient."""

    at: dt.datetime
    campaign: str
    team: str
    outcome: Outcome
    channels: tuple[str, ...]
    because: Event | None
    """What decided."""
    messages: tuple[str, ...] = ()
    """Ids, in the order of the steps."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "at": self.at,
            "campaign": self.campaign,
            "team": self.team,
            "outcome": str(self.outcome),
            "channels": list(self.channels),
            "because": None if self.because is None else sentence_of(self.because),
            "messages": list(self.messages),
        }


def outcome_of(message: LedgerMessage) -> Outcome:
    """How one message went."""
    if message.state == MessageState.ACCEPTED:
        if message.delivery in REACHED or message.opened_at is not None:
            return Outcome.DELIVERED
        return Outcome.NOT_DELIVERED if message.delivery in NOT_REACHED else Outcome.ON_ITS_WAY
    if message.state in (MessageState.QUEUED, MessageState.STANDBY, MessageState.HANDING_OVER):
        return Outcome.WAITING
    return Outcome.IN_DOUBT if message.state == MessageState.IN_DOUBT else Outcome.NOT_SENT


def outcomes_of(
    stories: Iterable[tuple[LedgerMessage, list[Event]]], file_events: Iterable[Event]
) -> list[CampaignOutcome]:
    """The outcome of each campaign, the newest first: that of its message that went best. Of a campaign whose file has several rows
    for the recipient, each row has its own.

    A message that was not needed says nothing beside the one that made it so. A row that became no message counts where its
    campaign has no message for the recipient.
    """
    by_row: dict[tuple[str, int], list[tuple[LedgerMessage, list[Event]]]] = {}
    for message, events in stories:
        by_row.setdefault((message.campaign, message.line), []).append((message, events))
    found = [_of_messages(told) for told in by_row.values()]
    sent = {campaign for campaign, _ in by_row}
    without: dict[str, list[Event]] = {}
    for event in file_events:
        if event.campaign is not None and event.campaign not in sent:
            without.setdefault(event.campaign, []).append(event)
    for campaign, events in without.items():
        # A row that is a copy of another was not what decided.
        event = next((each for each in events if not each.facts.get("duplicate_of")), events[0])
        channels = (event.channel,) if event.channel else ()
        found.append(CampaignOutcome(event.at, campaign, event.team or "", Outcome.NOT_SENT, channels, event))
    return sorted(found, key=lambda each: each.at, reverse=True)


def _of_messages(told: list[tuple[LedgerMessage, list[Event]]]) -> CampaignOutcome:
    ordered = sorted(told, key=lambda each: each[0].step)
    asked = [each for each in ordered if each[0].state != MessageState.NOT_NEEDED] or ordered
    message, events = min(asked, key=lambda each: _BEST_FIRST.index(outcome_of(each[0])))
    outcome = outcome_of(message)
    deciding = [event for event in events if event.kind in _DECISIVE[outcome]]
    if outcome in (Outcome.DELIVERED, Outcome.NOT_DELIVERED):
        wanted = REACHED if outcome is Outcome.DELIVERED else NOT_REACHED
        deciding = [event for event in deciding if event.facts.get("status") in wanted]
    elif outcome is Outcome.WAITING:
        deciding = [event for event in deciding if event.due or not event.facts.get("until")]
    because = deciding[-1] if deciding else None
    at = because.at if because is not None else message.handed_off_at or message.changed_at
    channels = tuple(dict.fromkeys(each.channel for each, _ in ordered))
    ids = tuple(each.id for each, _ in ordered)
    return CampaignOutcome(at, message.campaign, message.team, outcome, channels, because, ids)
