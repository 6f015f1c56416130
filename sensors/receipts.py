"""Receipts: polled where carriers cannot reach us, and reports written again when something arrived."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import dagster as dg
from sqlalchemy import text

from nightmail.reports.days import changed_days, latest_change
from nightmail.settings import settings
from resources.carrier_accounts import CarriersResource
from resources.database import DatabaseResource

REPORT_JOB = "report"
QUIET_S = 10.0
"""A day's report waits until nothing changed for so long, or until its interval is over."""
REST_SHARE = 10.0
"""While a day changes, its reports take at most about a tenth of the time."""
OLDER_DAY_S = 3600.0
RECENT_DAYS = 7
"""Days older than this are written again by the nightly schedule only."""
_POLL_INTERVAL_S = 5


@dg.sensor(
    minimum_interval_seconds=_POLL_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks carriers for what is in doubt, and for receipts and replies where no public address is set, so that "
    "webhooks cannot reach us.",
)
def receipts_polled(
    context: dg.SensorEvaluationContext, database: DatabaseResource, carriers: CarriersResource
) -> dg.SensorResult | dg.SkipReason:
    """Look up what is in doubt; poll what has no final receipt yet."""
    from nightmail.sending.in_doubt import resolve_in_doubt

    resolve_in_doubt(database.engine, carriers.factory(), sparing=True)
    if carriers.webhook_base_url is not None:
        return dg.SkipReason("Carriers post receipts to the public address.")
    from nightmail.receipts.polling import poll_carriers

    polled = poll_carriers(database.engine, carriers.factory(), hash_key=settings().key(), cursor=context.cursor)
    told = f"{polled.receipts} receipts and {polled.replies} replies were new."
    return dg.SensorResult(skip_reason=told, cursor=polled.cursor)


@dg.sensor(
    job_name=REPORT_JOB,
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes a day's reports again when something changed: today at most every few minutes, the week before "
    "hourly. Older days are the nightly schedule's.",
)
def reports_due(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """See which days changed since the last tick, and ask for those whose time has come."""
    book = ReportBook.from_json(context.cursor)
    with database.connect() as connection:
        now = connection.scalar(text("select now()"))
        latest = latest_change(connection)
        if latest is not None and latest > book.seen:
            book.note(changed_days(connection, book.seen, latest), latest)
    under_way, seconds = _last_runs(context.instance, list(book.first))
    due = book.take_due(now, settings().report_interval_s, under_way=under_way, seconds=seconds)
    requests = [
        dg.RunRequest(run_key=f"{day}/{now.isoformat()}", job_name=REPORT_JOB, partition_key=day.isoformat())
        for day in due
    ]
    reason = None if due else "No day has changed and waited long enough."
    return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=book.to_json())


def _last_runs(
    instance: dg.DagsterInstance, days: Iterable[dt.date]
) -> tuple[frozenset[dt.date], dict[dt.date, float]]:
    """The days whose report is being written or waits for it, and how long the last writing of the others took."""
    under_way: set[dt.date] = set()
    seconds: dict[dt.date, float] = {}
    for day in days:
        records = instance.get_run_records(
            dg.RunsFilter(job_name=REPORT_JOB, tags={"dagster/partition": day.isoformat()}), limit=1
        )
        for record in records:
            if not record.dagster_run.is_finished:
                under_way.add(day)
            elif record.start_time is not None and record.end_time is not None:
                seconds[day] = record.end_time - record.start_time
    return frozenset(under_way), seconds


@dataclass
class ReportBook:
    """What the sensor remembers between ticks: how far it has looked, and the days that wait for their report."""

    seen: dt.datetime = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    """Changes up to this moment are noted."""
    first: dict[dt.date, dt.datetime] = field(default_factory=dict)
    """When each waiting day changed first since its last report."""
    last: dict[dt.date, dt.datetime] = field(default_factory=dict)
    asked: dict[dt.date, dt.datetime] = field(default_factory=dict)
    """When each day's report was last asked for."""

    @classmethod
    def from_json(cls, text_of_cursor: str | None) -> "ReportBook":
        """The book as :meth:`to_json` wrote it; an empty one for nothing."""
        if not text_of_cursor:
            return cls()
        values = json.loads(text_of_cursor)
        days = {
            name: {dt.date.fromisoformat(day): dt.datetime.fromisoformat(at) for day, at in values[name].items()}
            for name in ("first", "last", "asked")
        }
        return cls(seen=dt.datetime.fromisoformat(values["seen"]), **days)

    def to_json(self) -> str:
        """The book as a cursor."""
        values: dict[str, object] = {"seen": self.seen.isoformat()}
        for name in ("first", "last", "asked"):
            values[name] = {day.isoformat(): at.isoformat() for day, at in sorted(getattr(self, name).items())}
        return json.dumps(values)

    def note(self, days: Iterable[dt.date], at: dt.datetime) -> None:
        """Remember that these days changed."""
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
        """The days to write now, no longer waiting: today at most every ``interval_s``, others hourly.

        A day is written once nothing changed for a moment, or when it has waited for a whole interval. One that is being
        written (``under_way``) waits until that is done: else a day that takes longer than its interval would be
        written without end, each time for a queue of requests that want nothing new. While it changes, a day is written
        again only after :data:`REST_SHARE` times the ``seconds`` that the last time took: a day of a million messages
        takes most of a minute, which its senders need. Days older than :data:`RECENT_DAYS` are left to the nightly schedule.
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
