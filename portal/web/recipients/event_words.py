"""Events as pages tell them: a sentence in the reader's language, with a tone and a sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from nightmail.recipients.events import Event, EventKind, WaitRule
from portal.web.actors import actor_names
from portal.web.channel_words import channel_label
from portal.web.recipients.words import delivery_label, delivery_tone, state_label
from portal.web.translating import gettext, marked

_K = EventKind


@dataclass(frozen=True)
class EventLine:
    """An event as a page shows it."""

    event: Event
    text: str
    tone: str
    icon: str
    until: datetime | None
    """A time that belongs to the sentence's end."""
    note: str
    """The carrier's code and words, or what to do."""


@dataclass(frozen=True)
class EventDay:
    """The events of one day of the reader's, in order of time."""

    day: datetime
    lines: tuple[EventLine, ...]


_WAITS: Mapping[WaitRule, str] = {
    WaitRule.SCHEDULE: marked("Waited, because the campaign is scheduled so"),
    WaitRule.OWN_TIME: marked("Waited, because the campaign starts by each recipient's own clock"),
    WaitRule.QUIET_HOURS: marked("Waited, because of quiet hours"),
    WaitRule.RETRY: marked("Waited, because the carrier did not take it yet"),
    WaitRule.STANDBY: marked("Waited, because the channel before it has its time first"),
    WaitRule.TURN: marked("Waited for its turn: the carrier's rate and other messages came first"),
    WaitRule.OTHER: marked("Waited, for a reason that is not kept"),
}
_WAITING: Mapping[WaitRule, str] = {
    WaitRule.SCHEDULE: marked("Waits, because the campaign is scheduled so"),
    WaitRule.OWN_TIME: marked("Waits, because the campaign starts by each recipient's own clock"),
    WaitRule.QUIET_HOURS: marked("Waits, because of quiet hours"),
    WaitRule.RETRY: marked("Waits, because the carrier did not take it yet"),
    WaitRule.STANDBY: marked("Waits, because the channel before it has its time first"),
    WaitRule.TURN: marked("Waits for its turn"),
    WaitRule.OTHER: marked("Waits, for a reason that is not kept"),
}
_ATTEMPTS = {
    "rejected": marked("Attempt %(number)s: the carrier refused it"),
    "retry_later": marked("Attempt %(number)s: the carrier did not take it yet"),
    "in_doubt": marked("Attempt %(number)s: in doubt, the carrier may or may not have it"),
    "not_tried": marked("Attempt %(number)s: not tried"),
}
_REPLIES = {
    "text": marked("Answered with a text"),
    "key": marked("Answered with a key"),
    "stop": marked("Answered STOP"),
    "start": marked("Answered START"),
    "help": marked("Answered HELP"),
    "probable_stop": marked("Probably asked for an end"),
}
_SUPPRESSIONS = {
    "opted_out": marked("Opted out: %(on)s"),
    "complaint": marked("Complaint: %(on)s"),
    "hard_bounce": marked("Suppressed, as the address does not work: %(on)s"),
    "by_hand": marked("Suppressed by hand: %(on)s"),
    "probable_opt_out": marked("Marketing is held back, as an end was probably asked for: %(on)s"),
}
_SOURCES = {
    "reply": marked("by a reply"),
    "unsubscribe_link": marked("by the link of an email"),
    "preference_page": marked("on their own page"),
    "api": marked("by the API"),
    "command": marked("by a command"),
}
_CHOICES = {
    "channels": marked("Channels"),
    "topics_in": marked("Wants"),
    "topics_out": marked("Does not want"),
    "quiet_from": marked("Quiet hours"),
    "time_zone": marked("Time zone"),
    "language": marked("Language"),
    "paused_until": marked("Pause until"),
}


def _planned(event: Event) -> str:
    channel = channel_label(event.channel or "")
    named = gettext("template %(template)s, version %(version)s") % event.facts
    if event.facts.get("step"):
        return gettext("Planned as step %(step)s: %(channel)s") % {**event.facts, "channel": channel} + f" · {named}"
    return gettext("Planned: %(channel)s") % {"channel": channel} + f" · {named}"


def _waited(event: Event) -> str:
    rule = WaitRule(event.facts["rule"])
    return gettext(_WAITING[rule]) if event.due else gettext(_WAITS[rule])


def _suspended(event: Event) -> str:
    parts = [channel_label(event.channel or ""), event.facts.get("account"), event.facts.get("sender")]
    facts = {**event.facts, "what": " · ".join(filter(None, parts))}
    return gettext("%(what)s was suspended by %(by)s: %(reason)s") % facts


def _attempt(event: Event) -> str:
    outcome = event.facts["outcome"]
    words = gettext(_ATTEMPTS[outcome]) % event.facts if outcome in _ATTEMPTS else str(outcome)
    return words + _way(event.facts)


def _handed_off(event: Event) -> str:
    number = event.facts["number"]
    words = gettext("Handed off") if number == 1 else gettext("Handed off at attempt %(number)s") % event.facts
    return words + _way(event.facts)


def _way(facts: Mapping[str, Any]) -> str:
    parts = [facts[name] for name in ("account", "sent_from") if facts.get(name)]
    return f" · {' · '.join(parts)}" if parts else ""


def _ended(event: Event) -> str:
    because = event.facts.get("because") or event.facts.get("reason") or gettext("no reason is kept")
    return f"{state_label(event.facts['state'])}: {because}"


def _reply(event: Event) -> str:
    word = str(event.facts["word"])
    words = gettext(_REPLIES[word]) if word in _REPLIES else word
    said = event.facts.get("text")
    return f"{words}: “{said}”" if said else words


def _suppressed(event: Event) -> str:
    facts = {**event.facts, "on": channel_label(event.facts["on"])}
    pattern = _SUPPRESSIONS.get(facts["reason"])
    words = gettext(pattern) % facts if pattern else facts["reason"]
    if facts.get("category"):
        words += " · " + gettext("category %(category)s") % facts
    source = facts["source"]
    return f"{words} · {gettext(_SOURCES[source]) if source in _SOURCES else source}"


def _lifted(event: Event) -> str:
    facts = {**event.facts, "on": channel_label(event.facts["on"])}
    if facts.get("by"):
        return gettext("A suppression was lifted by %(by)s: %(on)s") % facts
    return gettext("A suppression was lifted: %(on)s") % facts


def _consent(event: Event) -> str:
    pattern = gettext("Consented to %(category)s: %(how)s")
    if event.kind is EventKind.CONSENT_WITHDRAWN:
        pattern = gettext("Withdrew the consent to %(category)s")
    on = event.facts.get("on")
    return pattern % event.facts + (f" · {channel_label(on)}" if on else "")


def _preference(event: Event) -> str:
    facts = event.facts
    cleared = [gettext(_CHOICES[name]) for name in facts.get("cleared") or () if name in _CHOICES]
    channels = str(facts.get("channels") or "").split(", ")
    parts = [
        gettext("channels %(channels)s") % {"channels": ", ".join(map(channel_label, channels))}
        if facts.get("channels")
        else "",
        gettext("the categories %(categories_in)s") % facts if facts.get("categories_in") else "",
        gettext("not the categories %(categories_out)s") % facts if facts.get("categories_out") else "",
        gettext("quiet hours %(quiet)s") % facts if facts.get("quiet") else "",
        gettext("time zone %(time_zone)s") % facts if facts.get("time_zone") else "",
        gettext("language %(language)s") % facts if facts.get("language") else "",
        gettext("no longer chosen: %(fields)s") % {"fields": ", ".join(cleared)} if cleared else "",
        gettext("a pause") if facts.get("paused_until") else "",
    ]
    chosen = ", ".join(filter(None, parts))
    return gettext("Chose preferences") + (f": {chosen}" if chosen else "")


def _origin(facts: Mapping[str, Any]) -> str:
    """From where a choice came and who recorded it, as far as it is kept."""
    source, by = str(facts.get("source") or ""), str(facts.get("by") or "")
    found = [gettext(_SOURCES[source]) if source in _SOURCES else source]
    # Their own page is nobody else's.
    if by and by != "recipient":
        found.append(gettext("recorded by %(by)s") % {"by": by})
    return " · ".join(filter(None, found))


def _of_file(event: Event) -> str:
    pattern = gettext("Row %(line)s of the contact file was not taken: %(because)s")
    if event.kind is EventKind.HELD:
        pattern = gettext("Row %(line)s of the contact file was held: %(because)s")
    elif event.facts.get("duplicate_of"):
        pattern = gettext("Row %(line)s of the contact file is the same as row %(duplicate_of)s: %(because)s")
    return pattern % event.facts


_TOLD: Mapping[EventKind, tuple[Callable[[Event], str], str, str]] = {
    _K.PLANNED: (_planned, "mute", "document-text"),
    _K.WAITED_APPROVAL: (lambda _e: gettext("The campaign asked for approval"), "warn", "hand-raised"),
    _K.APPROVED: (lambda e: gettext("The campaign was approved by %(by)s") % e.facts, "good", "check"),
    _K.PAUSED: (lambda e: gettext("The campaign was paused by %(by)s") % e.facts, "warn", "pause"),
    _K.RESUMED: (lambda e: gettext("The campaign was resumed by %(by)s") % e.facts, "info", "play"),
    _K.WAITED: (_waited, "mute", "clock"),
    _K.SUSPENDED: (_suspended, "warn", "no-symbol"),
    _K.ATTEMPT: (_attempt, "bad", "exclamation-circle"),
    _K.HANDED_OFF: (_handed_off, "info", "paper-airplane"),
    _K.RECEIPT: (lambda e: delivery_label(e.facts["status"]), "info", "check-circle"),
    _K.ENDED: (_ended, "bad", "exclamation-circle"),
    _K.IN_DOUBT: (lambda _e: gettext("In doubt: the carrier may or may not have it"), "warn", "question-mark-circle"),
    _K.REPLY: (_reply, "info", "chat-bubble-left-right"),
    _K.SUPPRESSED: (_suppressed, "warn", "no-symbol"),
    _K.SUPPRESSION_LIFTED: (_lifted, "info", "check"),
    _K.CONSENT: (_consent, "good", "check"),
    _K.CONSENT_WITHDRAWN: (_consent, "warn", "no-symbol"),
    _K.PREFERENCE: (_preference, "mute", "adjustments-horizontal"),
    _K.HELD: (_of_file, "warn", "minus-circle"),
    _K.REJECTED: (_of_file, "bad", "minus-circle"),
}


def with_names(connection: Connection, events: Iterable[Event]) -> list[Event]:
    """The events with the names of the people who did something, in place of their numbers."""
    listed = list(events)
    actors = {str(event.facts[name]) for event in listed for name in _ACTORS if event.facts.get(name)}
    names = actor_names(connection, actors)
    return [replace(event, facts={**event.facts, **_named(event, names)}) for event in listed]


def _named(event: Event, names: Mapping[str, str]) -> dict[str, str]:
    return {name: names[event.facts[name]] for name in _ACTORS if event.facts.get(name) in names}


_ACTORS = ("by", "source")
_ENDS_WELL = frozenset({"not_needed", "cancelled"})


def line_of(event: Event) -> EventLine:
    """An event in the request's language."""
    words, tone, sign = _TOLD[event.kind]
    facts = event.facts
    if event.kind is EventKind.RECEIPT:
        tone = delivery_tone(facts["status"])
        sign = "exclamation-circle" if tone == "bad" else sign
    elif event.kind is EventKind.ENDED:
        tone = "mute" if facts["state"] in _ENDS_WELL else "warn" if facts["state"] == "held" else tone
    code = " ".join(str(facts[name]) for name in ("code", "meaning") if facts.get(name))
    note = code if event.kind is not EventKind.REPLY else ""
    if event.kind is EventKind.PREFERENCE:
        note = _origin(facts)
    until = facts.get("until") if event.kind in (EventKind.WAITED, EventKind.SUSPENDED) else facts.get("paused_until")
    return EventLine(event, words(event), tone, sign, until, note or facts.get("remedy") or "")


def by_day(events: Iterable[Event], zone: ZoneInfo) -> tuple[EventDay, ...]:
    """Events in order of time, under the days of the reader's zone."""
    ordered = sorted(events, key=lambda event: event.at)
    return tuple(
        EventDay(told[0].event.at, tuple(told))
        for _, group in groupby(ordered, key=lambda event: event.at.astimezone(zone).date())
        if (told := [line_of(event) for event in group])
    )
