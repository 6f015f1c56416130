"""One row of a file of preferences: what its cells state, in the form that is kept, or why they cannot be read.

An empty cell says nothing. What is named changes and all else stays: a topic that a row does not name stays in, or out, as it is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from nightmail.channels import CHANNELS
from nightmail.errors import UsageError
from nightmail.organisation.quiet_hours import QuietHours
from nightmail.row_checks.languages import language_tag
from nightmail.row_checks.time_zones import time_zone_name
from nightmail.row_checks.written_dates import read_date

COLUMNS = (
    *("channels", "topics_in", "topics_out", "quiet_hours", "quiet_from", "quiet_until", "time_zone", "language"),
    *("paused_until", "stated_at"),
)
"""The columns that a file may have beside those that say whose row it is."""
NOTHING = "none"
"""The word that takes a choice away, where that has one reading: in ``quiet_hours`` and ``paused_until``."""
CLOCKS_DIFFER = dt.timedelta(minutes=5)
FARTHEST_PAUSE = dt.timedelta(days=3653)
_BETWEEN = re.compile(r"\s*[,;|]\s*")
_LAST = dt.time(23, 59, 59)


class CellError(Exception):
    """A cell that cannot be read: the reason's code and the further fields of its sentence."""

    def __init__(self, reason: str, **fields: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one cell."""

    column: str
    value: str = field(repr=False)
    reason: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowRules:
    """What the rows of a file are read by."""

    zone: str
    """The team's: times without an offset are read in it."""
    came_at: dt.datetime
    """When the file came: rows without a time of their own are stated then."""
    categories: frozenset[str]
    date_order: str | None = None


@dataclass
class RowReading:
    """The statements of one row by their times, and what is wrong with it."""

    statements: list[tuple[dt.datetime, dict[str, Any]]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_row(cells: Mapping[str, str], rules: RowRules) -> RowReading:
    """What the cells of :data:`COLUMNS` that are filled state."""
    row = _Row(cells, rules)
    changes = {name: value for name, read in _PLAIN.items() if (value := row.cell(name, read)) is not None}
    if topics := row.topics():
        changes["topics"] = topics
    hours = row.quiet_hours()
    if hours is not None:
        changes["quiet_from"], changes["quiet_until"] = hours
    if row.takes_away("paused_until"):
        changes["paused_until"] = None
    elif pause := row.cell("paused_until", lambda text: _pause(text, rules, changes.get("time_zone"))):
        changes["paused_until"] = pause.isoformat()
    times = row.cell("stated_at", lambda text: _stated(text, rules)) or (rules.came_at, rules.came_at)
    if not changes and not row.problems:
        row.problems.append(Problem("", "", "preference_row_empty", {}))
    return RowReading([] if row.problems else _at_times(changes, *times), row.problems)


@dataclass
class _Row:
    """A row that is being read."""

    cells: Mapping[str, str]
    rules: RowRules
    problems: list[Problem] = field(default_factory=list)

    def cell(self, name: str, read: Callable[[str], Any]) -> Any:
        """What a cell states; ``None`` where it is empty or cannot be read."""
        written = self.cells.get(name)
        if not written:
            return None
        try:
            return read(written)
        except CellError as error:
            self.problems.append(Problem(name, written, error.reason, error.fields))
            return None

    def takes_away(self, name: str) -> bool:
        """Whether a cell takes the choice away."""
        return (self.cells.get(name) or "").casefold() == NOTHING

    def topics(self) -> dict[str, bool]:
        """The topics that the row names, each with whether it is wanted."""
        wanted = self.cell("topics_in", lambda text: _topics(text, self.rules)) or ()
        out = self.cell("topics_out", lambda text: _topics(text, self.rules)) or ()
        if both := sorted(set(wanted) & set(out)):
            named = ", ".join(both)
            self.problems.append(
                Problem("topics_out", self.cells["topics_out"], "preference_topic_both", {"topics": named})
            )
        return dict(sorted({**dict.fromkeys(wanted, True), **dict.fromkeys(out, False)}.items()))

    def quiet_hours(self) -> tuple[str | None, str | None] | None:
        """Both ends of the quiet hours, from one column or from two."""
        if self.takes_away("quiet_hours"):
            return None, None
        found: tuple[str, str] | None = self.cell("quiet_hours", _hours)
        ends = [self.cells.get(name) or "" for name in ("quiet_from", "quiet_until")]
        if found is None and not self.cells.get("quiet_hours") and any(ends):
            found = self.cell("quiet_from" if ends[0] else "quiet_until", lambda _: _hours("-".join(ends)))
        return found


def _at_times(
    changes: dict[str, Any], first: dt.datetime, last: dt.datetime
) -> list[tuple[dt.datetime, dict[str, Any]]]:
    """The statements of one row: what brings something back counts from the first moment that is meant, all else from the last.

    The two are one but for a date without a time: whatever else was stated that day, what restricts wins.
    """
    if first == last:
        return [(first, changes)]
    back: dict[str, Any] = {name: value for name, value in changes.items() if value is None}
    topics = changes.get("topics") or {}
    wanted = {name: True for name, is_in in topics.items() if is_in}
    rest = {name: value for name, value in changes.items() if value is not None and name != "topics"}
    if unwanted := {name: False for name, is_in in topics.items() if not is_in}:
        rest["topics"] = unwanted
    if wanted:
        back["topics"] = wanted
    return [(at, stated) for at, stated in ((first, back), (last, rest)) if stated]


def _channels(text: str) -> list[str]:
    found = []
    for part in _parts(text):
        name = _CHANNEL_NAMES.get(part.casefold())
        if name is None:
            raise CellError("preference_channel_unread", part=part, known=", ".join(CHANNELS))
        found.append(name)
    return list(dict.fromkeys(found))


_CHANNEL_NAMES = {
    written.casefold(): name for name, channel in CHANNELS.items() for written in (name, str(channel.label))
}


def _topics(text: str, rules: RowRules) -> list[str]:
    found = []
    for part in _parts(text):
        if part not in rules.categories:
            known = ", ".join(sorted(rules.categories)) or "-"
            raise CellError("preference_topic_unknown", part=part, known=known)
        found.append(part)
    return found


def _parts(text: str) -> list[str]:
    return [part for part in _BETWEEN.split(text.strip()) if part]


def _hours(text: str) -> tuple[str, str]:
    plain = re.sub(r"[‐-—−]", "-", text)
    try:
        hours = QuietHours.parse(re.sub(r"(?<=\d):(\d{2}):00(?=\D|$)", r":\1", plain))
    except UsageError:
        raise CellError("preference_hours_unread") from None
    return f"{hours.start:%H:%M}", f"{hours.end:%H:%M}"


def _zone(text: str) -> str:
    name = time_zone_name(text)
    if name is None:
        raise CellError("preference_zone_unread")
    return name


def _language(text: str) -> str:
    tag = language_tag(text)
    if tag is None:
        raise CellError("preference_language_unread")
    return tag


_PLAIN: Mapping[str, Callable[[str], Any]] = {"channels": _channels, "time_zone": _zone, "language": _language}


def _pause(text: str, rules: RowRules, zone: str | None) -> dt.datetime:
    """Until when somebody wants nothing; a date alone is meant with the whole of its day."""
    _, until = _moments(text, rules, zone or rules.zone, "preference_pause_unread")
    if until > rules.came_at + FARTHEST_PAUSE:
        raise CellError("preference_pause_unread")
    return until


def _stated(text: str, rules: RowRules) -> tuple[dt.datetime, dt.datetime]:
    first, last = _moments(text, rules, rules.zone, "preference_time_unread")
    if first > rules.came_at + CLOCKS_DIFFER:
        raise CellError("preference_time_future")
    return first, last if last == first else min(last, rules.came_at)


def _moments(text: str, rules: RowRules, zone: str, unread: str) -> tuple[dt.datetime, dt.datetime]:
    """The first and the last moment that a time, or a date alone, can mean."""
    here = ZoneInfo(zone)
    plain = text.strip()
    try:
        if len(plain) > len("2026-12-24"):
            moment = dt.datetime.fromisoformat(plain)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=here)).astimezone(dt.UTC)
            return moment, moment
    except (ValueError, OverflowError):
        pass
    try:
        readings = read_date(plain, rules.came_at.date())
        days = {each.day for each in readings if rules.date_order in (None, each.order) or each.order is None}
        if len(days) != 1:
            raise CellError(unread)
        day = days.pop()
        first, last = (dt.datetime.combine(day, at, tzinfo=here).astimezone(dt.UTC) for at in (dt.time.min, _LAST))
    except OverflowError:
        raise CellError(unread) from None
    return first, last
