"""What happened to a recipient's messages, one event after another; each has a kind and the facts of its sentence.

The command line and the API have the sentence in English from here; pages write theirs in the reader's language from the
same kind and facts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """What happened."""

    PLANNED = "planned"
    WAITED_APPROVAL = "waited_approval"
    APPROVED = "approved"
    PAUSED = "paused"
    RESUMED = "resumed"
    WAITED = "waited"
    """Held back until a time by a rule: the schedule, quiet hours, a further attempt."""
    SUSPENDED = "suspended"
    ATTEMPT = "attempt"
    HANDED_OFF = "handed_off"
    RECEIPT = "receipt"
    ENDED = "ended"
    IN_DOUBT = "in_doubt"
    REPLY = "reply"
    SUPPRESSED = "suppressed"
    SUPPRESSION_LIFTED = "suppression_lifted"
    CONSENT = "consent"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PREFERENCE = "preference"
    HELD = "held"
    """Held before it became a message."""
    REJECTED = "rejected"
    """A row of a contact file that was not taken."""


class WaitRule(StrEnum):
    """What made a message wait until a time."""

    SCHEDULE = "schedule"
    OWN_TIME = "own_time"
    """The start comes by each recipient's own clock."""
    QUIET_HOURS = "quiet_hours"
    RETRY = "retry"
    """The carrier did not take it yet; it is tried again."""
    STANDBY = "standby"
    """The channel before it has its time first."""
    TURN = "turn"
    """No rule: the carrier's rate and other messages come first."""
    OTHER = "other"
    """Something that is not kept."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, or that is due."""

    at: dt.datetime
    kind: EventKind
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Words of the product and of carriers, numbers and times; a reply's ``text`` where the reader may see it."""
    campaign: str | None = None
    team: str | None = None
    channel: str | None = None
    message_id: str | None = None
    due: bool = False
    """Whether it is still to come."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values with the sentence."""
        return {
            "at": self.at,
            "kind": str(self.kind),
            "sentence": sentence_of(self),
            "campaign": self.campaign,
            "team": self.team,
            "channel": self.channel,
            "message_id": self.message_id,
            "due": self.due,
            **{name: value for name, value in self.facts.items() if value is not None},
        }


def _code(facts: Mapping[str, Any]) -> str:
    """The carrier's code with what it means, in brackets."""
    words = " ".join(str(facts[name]) for name in ("code", "meaning") if facts.get(name))
    return f" ({words})" if words else ""


def _named(facts: Mapping[str, Any], name: str, before: str) -> str:
    return f"{before}{facts[name]}" if facts.get(name) else ""


def _until(facts: Mapping[str, Any]) -> str:
    until = facts.get("until")
    return f" until {until:%Y-%m-%d %H:%M} UTC" if isinstance(until, dt.datetime) else ""


_WAITS: Mapping[WaitRule, str] = {
    WaitRule.SCHEDULE: "because the campaign is scheduled so",
    WaitRule.OWN_TIME: "because it starts by each recipient's own clock",
    WaitRule.QUIET_HOURS: "because of quiet hours",
    WaitRule.RETRY: "because the carrier did not take it yet",
    WaitRule.STANDBY: "because the channel before it has its time first",
    WaitRule.TURN: "for its turn: the carrier's rate and other messages came first",
    WaitRule.OTHER: "for a reason that is not kept",
}


def _planned(event: Event) -> str:
    later = f", as step {event.facts['step']}" if event.facts.get("step") else ""
    return f"Planned on {event.channel}{later}: template {event.facts['template']} version {event.facts['version']}"


def _waited(event: Event) -> str:
    verb = "Waits" if event.due else "Waited"
    return f"{verb}{_until(event.facts)} {_WAITS[WaitRule(event.facts['rule'])]}"


def _suspended(event: Event) -> str:
    facts = event.facts
    end = _until(facts) or ", and still is"
    return f"{facts['what']} was suspended by {facts['by']}{end}: {facts['reason']}"


def _attempt(event: Event) -> str:
    facts = event.facts
    outcome = str(facts["outcome"]).replace("_", " ")
    return f"Attempt {facts['number']}{_named(facts, 'account', ' over ')}: {outcome}{_code(facts)}"


def _handed_off(event: Event) -> str:
    facts = event.facts
    way = f"{_named(facts, 'account', ' over ')}{_named(facts, 'sent_from', ' from ')}"
    return f"Handed off{way}, attempt {facts['number']}{_code(facts)}"


def _ended(event: Event) -> str:
    facts = event.facts
    state = str(facts["state"]).replace("_", " ").capitalize()
    return f"{state}: {facts.get('because') or facts.get('reason') or 'no reason is kept'}{_code(facts)}"


def _reply(event: Event) -> str:
    said = f": {event.facts['text']}" if event.facts.get("text") else ""
    return f"Answered ({str(event.facts['word']).replace('_', ' ')}){said}"


def _suppressed(event: Event) -> str:
    facts = event.facts
    scope = f"{facts['on']}{_named(facts, 'category', ' for the category ')}"
    return f"Suppressed on {scope}: {facts['reason'].replace('_', ' ')}, by {facts['source']}"


def _lifted(event: Event) -> str:
    facts = event.facts
    by = _named(facts, "by", " by ")
    return f"The suppression on {facts['on']} ({facts['reason'].replace('_', ' ')}) was lifted{by}"


def _consent(event: Event) -> str:
    facts = event.facts
    return f"Consented to {facts['category']}{_named(facts, 'on', ' on ')}: {facts['how']}"


_CLEARED = {
    "channels": "the channels",
    "topics_in": "the categories that are wanted",
    "topics_out": "the categories that are not wanted",
    "quiet_from": "quiet hours",
    "time_zone": "a time zone",
    "language": "a language",
    "paused_until": "a pause",
}


def _preference(event: Event) -> str:
    facts = event.facts
    until = facts.get("paused_until")
    cleared = ", ".join(_CLEARED.get(each, each) for each in facts.get("cleared") or ())
    parts = (
        _named(facts, "channels", "the channels "),
        _named(facts, "categories_in", "the categories "),
        _named(facts, "categories_out", "not the categories "),
        _named(facts, "quiet", "quiet hours "),
        _named(facts, "time_zone", "the time zone "),
        _named(facts, "language", "the language "),
        f"a pause until {until:%Y-%m-%d %H:%M} UTC" if until else "",
        f"no longer {cleared}" if cleared else "",
    )
    origin = ", ".join(filter(None, (facts.get("source"), _named(facts, "by", "by "))))
    chosen = ", ".join(filter(None, parts)) or "preferences"
    return f"Chose {chosen}" + (f" ({origin})" if origin else "")


def _rejected(event: Event) -> str:
    facts = event.facts
    same = f" (the same as row {facts['duplicate_of']})" if facts.get("duplicate_of") else ""
    return f"Row {facts['line']} of the contact file was not taken: {facts['because']}{same}"


def _held(event: Event) -> str:
    said = f"Row {event.facts['line']} of the contact file was held: {event.facts['because']}"
    by_channel = event.facts.get("by_channel") or {}
    if len(by_channel) < 2:
        return said
    return f"{said} ({', '.join(f'{channel}: {reason}' for channel, reason in by_channel.items())})"


_SENTENCES: Mapping[EventKind, Callable[[Event], str]] = {
    EventKind.PLANNED: _planned,
    EventKind.WAITED_APPROVAL: lambda _event: "The campaign asked for a person's approval",
    EventKind.APPROVED: lambda event: f"The campaign was approved by {event.facts['by']}",
    EventKind.PAUSED: lambda event: f"The campaign was paused by {event.facts['by']}",
    EventKind.RESUMED: lambda event: f"The campaign was resumed by {event.facts['by']}",
    EventKind.WAITED: _waited,
    EventKind.SUSPENDED: _suspended,
    EventKind.ATTEMPT: _attempt,
    EventKind.HANDED_OFF: _handed_off,
    EventKind.RECEIPT: lambda e: f"The carrier says {str(e.facts['status']).replace('_', ' ')}{_code(e.facts)}",
    EventKind.ENDED: _ended,
    EventKind.IN_DOUBT: lambda _event: "In doubt: the carrier may or may not have it",
    EventKind.REPLY: _reply,
    EventKind.SUPPRESSED: _suppressed,
    EventKind.SUPPRESSION_LIFTED: _lifted,
    EventKind.CONSENT: _consent,
    EventKind.CONSENT_WITHDRAWN: lambda e: (
        f"Withdrew the consent to {e.facts['category']}{_named(e.facts, 'on', ' on ')}"
    ),
    EventKind.PREFERENCE: _preference,
    EventKind.HELD: _held,
    EventKind.REJECTED: _rejected,
}


def sentence_of(event: Event) -> str:
    """What happened, in English, without its time."""
    return _SENTENCES[event.kind](event)
