"""When a day's report is written again: the days that changed, and how long each waits."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from nightmail.reports.changed_days import changed_days, latest_change

QUIET_S = 10.0
"""A day's report waits until nothing changed for so long, or until its interval is over."""
REST_SHARE = 10.0
"""While a day changes, its reports take at most about a tenth of the time."""
OLDER_DAY_S = 3600.0
"""Seconds between two writings of a day before today."""
RECENT_DAYS = 7
"""Days older than this are written again by the nightly schedule only."""


@dataclass
class WaitingDays:
    """The days that wait for their report, and how far was looked for others. Kept between looks as text."""

    seen: dt.datetime = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    """Changes up to this moment are noted."""
    first: dict[dt.date, dt.datetime] = field(default_factory=dict)
    """When each waiting day changed first since its last report."""
    last: dict[dt.date, dt.datetime] = field(default_factory=dict)
    """When each waiting day changed last."""
    asked: dict[dt.date, dt.datetime] = field(default_factory=dict)
    """When each day's report was last asked for."""

    @classmethod
    def from_json(cls, written: str | None) -> WaitingDays:
        """Return the days as :meth:`to_json` wrote them; none for an empty text."""
        if not written:
            return cls()
        values = json.loads(written)
        days = {
            name: {dt.date.fromisoformat(day): dt.datetime.fromisoformat(at) for day, at in values[name].items()}
            for name in ("first", "last", "asked")
        }
        return cls(seen=dt.datetime.fromisoformat(values["seen"]), **days)

    def to_json(self) -> str:
        """Return the days as text."""
        values: dict[str, object] = {"seen": self.seen.isoformat()}
        for name in ("first", "last", "asked"):
            values[name] = {day.isoformat(): at.isoformat() for day, at in sorted(getattr(self, name).items())}
        return json.dumps(values)

    def look(self, connection: Connection) -> None:
        """Note the days that changed since the last look."""
        latest = latest_change(connection)
        if latest is not None and latest > self.seen:
            self.note(changed_days(connection, self.seen, latest), latest)

    def note(self, days: Iterable[dt.date], at: dt.datetime) -> None:
        """Note that these days changed at a moment, up to which all changes are known."""
        for day in days:
            self.first.setdefault(day, at)
            self.last[day] = at
        self.seen = at

    def take_due(
        self,
        now: dt.datetime,
        interval_s: float,
        *,
        under_way: frozenset[dt.date] = frozenset(),
        seconds: Mapping[dt.date, float] | None = None,
    ) -> list[dt.date]:
        """Return the days to write now, which no longer wait: today at most every ``interval_s`` seconds, others hourly.

        A day is written once nothing changed for a moment, or when it has waited for a whole interval. One that is being
        written (``under_way``) waits until that is done: else a day that takes longer than its interval would be
        written without end. While it changes, a day is written again only after :data:`REST_SHARE` times the
        ``seconds`` that the last time took: a day of a million messages takes most of a minute, which its senders need.
        Days older than :data:`RECENT_DAYS` are left to the nightly schedule.
        """
        seconds = seconds or {}
        due = []
        for day, first in sorted(self.first.items()):
            if (now.date() - day).days > RECENT_DAYS:
                del self.first[day], self.last[day]
                continue
            if day in under_way:
                continue
            interval = interval_s if day >= now.date() else OLDER_DAY_S
            busy = max(interval, REST_SHARE * seconds.get(day, 0.0))
            before = self.asked.get(day)
            since = float("inf") if before is None else (now - before).total_seconds()
            quiet = (now - self.last[day]).total_seconds() >= QUIET_S
            waited = (now - first).total_seconds() >= interval
            if (quiet and since >= interval) or (waited and since >= busy):
                due.append(day)
        for day in due:
            del self.first[day], self.last[day]
            self.asked[day] = now
        for day in [day for day in self.asked if (now.date() - day).days > RECENT_DAYS]:
            del self.asked[day]
        return due
