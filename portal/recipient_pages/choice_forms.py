"""The form of a recipient's choices: what was sent, read against what was offered, with the faults by field."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightmail.channels import CHANNELS
from nightmail.consent.own_choices import Choices, Standing
from nightmail.row_checks.time_zones import time_zone_name
from portal.recipient_pages.preference_words import Words, filled
from portal.recipient_pages.topic_words import channel_label, topic_label

_TIME = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)")
LONGEST_PAUSE = dt.timedelta(days=366)
Form = Mapping[str, Sequence[str]]


@dataclass
class ReadForm:
    """What a form says: the choices, or the words of each fault by the field that has it."""

    choices: Choices
    faults: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fields:
    """What the form shows: what stands, or what was typed where it has faults."""

    topics: frozenset[str]
    channels: tuple[str, ...]
    language: str
    quiet_from: str
    quiet_until: str
    time_zone: str
    paused_until: str


def read_form(form: Form, offered: Standing, words: Words, today: dt.date) -> ReadForm:
    """Read a form that was sent. Every fault is found, not the first one alone. ``today`` is the recipient's, or near it."""
    faults: dict[str, str] = {}
    topics = frozenset(form.get("topic", ()))
    if not topics <= {topic.name for topic in offered.topics}:
        faults["topic"] = words["error_topic"]
    channels = tuple(name for name in form.get("channel", ()) if name)
    if len(set(channels)) < len(channels) or not set(channels) <= set(offered.channels):
        faults["channel"] = words["error_channels"]
    language = _value(form, "language") or None
    if language is not None and language not in {*offered.languages, offered.chosen.language}:
        faults["language"] = words["error_language"]
    quiet = {name: _time(_value(form, name)) for name in ("quiet_from", "quiet_until")}
    for name, time in quiet.items():
        if time is None and _value(form, name):
            faults[name] = words["error_time"]
    if not faults.keys() & quiet.keys():
        if (quiet["quiet_from"] is None) != (quiet["quiet_until"] is None):
            faults[next(name for name, time in quiet.items() if time is None)] = words["error_both"]
        elif quiet["quiet_from"] is not None and quiet["quiet_from"] == quiet["quiet_until"]:
            faults["quiet_until"] = words["error_same"]
    written = _value(form, "time_zone")
    zone = time_zone_name(written) if written else None
    if written and zone is None:
        faults["time_zone"] = words["error_zone"]
    pause, fault = _pause(_value(form, "paused_until"), offered, words, today)
    if fault:
        faults["paused_until"] = fault
    return ReadForm(Choices(topics, channels, language, quiet["quiet_from"], quiet["quiet_until"], zone, pause), faults)


def _pause(written: str, offered: Standing, words: Words, today: dt.date) -> tuple[dt.date | None, str]:
    """The first day without pause, or what is wrong with it."""
    if not written:
        return None, ""
    try:
        day = dt.date.fromisoformat(written)
    except ValueError:
        return None, filled(words["error_day"], day=(today + dt.timedelta(days=14)).isoformat())
    if day == offered.chosen.paused_until:
        return day, ""
    if day <= today:
        return None, words["error_past"]
    return (day, "") if day <= today + LONGEST_PAUSE else (None, words["error_far"])


def fields_of(choices: Choices) -> Fields:
    """The form of what is chosen."""
    return Fields(
        choices.topics,
        choices.channels,
        choices.language or "",
        choices.quiet_from or "",
        choices.quiet_until or "",
        choices.time_zone or "",
        choices.paused_until.isoformat() if choices.paused_until else "",
    )


def typed_fields(form: Form) -> Fields:
    """The form as it was sent, with its faults in it."""
    return Fields(
        frozenset(form.get("topic", ())),
        tuple(form.get("channel", ())),
        *(_value(form, name) for name in ("language", "quiet_from", "quiet_until", "time_zone", "paused_until")),
    )


def topic_choices(offered: Standing, words: Words) -> list[tuple[str, str, bool]]:
    """Each topic: its name, what it is called, and whether a tick agrees to it; by what they are called."""
    named = [(topic.name, topic_label(words.language, topic.name), topic.needs_consent) for topic in offered.topics]
    return sorted(named, key=lambda each: (each[2], each[1].casefold()))


def agreements(offered: Standing, words: Words) -> dict[str, str]:
    """The words beside the tick of each topic, as the page shows them: what a recipient agrees to."""
    return {topic.name: f"{topic_label(words.language, topic.name)}. {words['agree']}" for topic in offered.topics}


def channel_choices(offered: Standing, words: Words) -> list[tuple[str, str]]:
    """Each channel: its name and what it is called."""
    return [(name, channel_label(words.language, CHANNELS[name].label)) for name in offered.channels]


def language_choices(offered: Standing) -> list[tuple[str, str]]:
    """Each language: its tag and what it calls itself."""
    tags = dict.fromkeys((*offered.languages, *filter(None, (offered.chosen.language,))))
    return sorted(((tag, _own_name(tag)) for tag in tags), key=lambda each: each[1].casefold())


def _own_name(tag: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        name = Locale.parse(tag, sep="-").get_display_name()
    except (UnknownLocaleError, ValueError):
        return tag
    return f"{name[:1].upper()}{name[1:]}" if name else tag


def _value(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "").strip()[:80]


def _time(written: str) -> str | None:
    found = _TIME.fullmatch(written)
    return None if found is None else f"{int(found[1]):02d}:{found[2]}"
