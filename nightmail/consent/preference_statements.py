"""What a contact's statements come to: a pure rule, the same whatever the order in which they were recorded.

Statements count in the order of the times at which they were made; each changes the fields that it is about. Of two at the same time
the one that restricts counts last: a topic that is out, the later end of a pause, quiet hours rather than none.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FIELDS = (
    *("channels", "topics_in", "topics_out", "quiet_from", "quiet_until", "time_zone", "language", "paused_until"),
)
"""What a statement may be about. ``topics`` beside them names single topics: ``{"offers": false}``."""


@dataclass(frozen=True, slots=True)
class PreferenceStatement:
    """What was stated at one time. ``changes`` has the fields that it is about; ``None`` there clears one."""

    contact_id: str
    stated_at: dt.datetime
    changes: Mapping[str, Any]
    source: str = ""
    set_by: str = ""
    recorded_at: dt.datetime | None = None
    id: int = 0
    of_contact: str | None = None
    """Of a contact that was merged: the id under which the other one stated it, or the merge that held something."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a contact's statements come to."""

    channels: tuple[str, ...] | None = None
    topics_in: frozenset[str] | None = None
    topics_out: frozenset[str] = frozenset()
    quiet_from: str | None = None
    quiet_until: str | None = None
    time_zone: str | None = None
    language: str | None = None
    paused_until: dt.datetime | None = None
    stated_at: dt.datetime | None = None
    source: str = ""
    set_by: str = ""
    statements: int = field(default=0, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "channels": None if self.channels is None else list(self.channels),
            "topics_in": None if self.topics_in is None else sorted(self.topics_in),
            "topics_out": sorted(self.topics_out),
            "quiet_from": self.quiet_from,
            "quiet_until": self.quiet_until,
            "time_zone": self.time_zone,
            "language": self.language,
            "paused_until": self.paused_until,
            "stated_at": self.stated_at,
            "source": self.source or None,
            "set_by": self.set_by or None,
        }


def taken_together(statements: Iterable[PreferenceStatement]) -> Chosen:
    """What the statements of one contact come to."""
    ordered = sorted(statements, key=_place)
    values: dict[str, Any] = {}
    out: set[str] = set()
    into: set[str] | None = None
    for one in ordered:
        changes = one.changes
        if "topics_in" in changes:
            into = None if changes["topics_in"] is None else set(changes["topics_in"])
        if "topics_out" in changes:
            out = set(changes["topics_out"] or ())
        for topic, wanted in (changes.get("topics") or {}).items():
            out = out - {topic} if wanted else out | {topic}
            if wanted and into is not None:
                into = into | {topic}
        values |= {name: changes[name] for name in FIELDS if name in changes and not name.startswith("topics")}
    last = ordered[-1] if ordered else None
    out |= _out_at_once(ordered)
    paused = values.pop("paused_until", None)
    channels = values.pop("channels", None)
    return Chosen(
        channels=tuple(channels) if channels else None,
        topics_in=None if into is None else frozenset(into),
        topics_out=frozenset(out),
        paused_until=dt.datetime.fromisoformat(paused) if paused else None,
        stated_at=last.stated_at if last else None,
        source=last.source if last else "",
        set_by=last.set_by if last else "",
        statements=len(ordered),
        **values,
    )


def _place(one: PreferenceStatement) -> tuple[dt.datetime, bool, str, bool, str]:
    """Where a statement comes: by its time, and of equal times what restricts last."""
    changes = one.changes
    restricts = bool(changes.get("topics_out")) or not all((changes.get("topics") or {}).values())
    quiet = changes.get("quiet_from") is not None
    return one.stated_at, restricts, str(changes.get("paused_until") or ""), quiet, json.dumps(changes, sort_keys=True)


def _out_at_once(ordered: list[PreferenceStatement]) -> set[str]:
    """Topics that a statement of the last time at which they are named puts out: another of the same time does not bring them back."""
    decided: dict[str, tuple[dt.datetime, bool]] = {}
    for one in ordered:
        named = {topic: not wanted for topic, wanted in (one.changes.get("topics") or {}).items()}
        named |= dict.fromkeys(one.changes.get("topics_out") or (), True)
        if "topics_out" in one.changes:
            # A whole list says of every topic that it does not name that it is wanted.
            for topic in decided.keys() - named.keys():
                named[topic] = False
        for topic, is_out in named.items():
            before = decided.get(topic)
            if before is not None and before[0] == one.stated_at:
                decided[topic] = (one.stated_at, is_out or before[1])
            else:
                decided[topic] = (one.stated_at, is_out)
    return {topic for topic, (_, is_out) in decided.items() if is_out}
