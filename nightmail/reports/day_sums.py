"""The sums of a day, kept in the database: what pages, files and programs read the figures of any range of days from.

They are written with the day's delivery report and from the same rows, and replaced as a whole each time, so that both say
the same at any moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, text

from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT, conformed
from nightmail.reports import sum_queries
from nightmail.reports.days import bounds
from nightmail.reports.report_sums import ALIKE, NUMBERS, judged, summed

COUNTED = ("file_rows", "rejects", "duplicates", "contacts", "opt_outs", "replies")
"""What is counted beside messages: rows of the files whose campaigns were prepared on the day, those rejected, those that were
duplicates, and the contacts that came of them; people who opted out or complained; replies that came."""
_BY_CAMPAIGN = ("campaign", *ALIKE)
_BY_HOUR = ("campaign", "hour", "outcome")


class DaySums:
    """The sums of one day's rows, block by block: memory does not grow with the number of rows."""

    def __init__(self) -> None:
        self._alike: list[pa.Table] = []
        self._hours: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Count rows of the delivery report."""
        counted = judged(rows)
        self._alike.append(summed(counted, _BY_CAMPAIGN))
        self._hours.append(counted.group_by(list(_BY_HOUR)).aggregate([("rows", "sum")]))

    def store(self, connection: Connection, day: dt.date) -> int:
        """Replace what is kept of ``day``, in the caller's transaction; return the number of report rows."""
        alike, rows = self._added_up()
        connection.execute(text(sum_queries.BEGIN_DAY), {"day": day, "at": dt.datetime.now(dt.UTC), "rows": rows})
        for table in ("report_by_campaign", "report_by_feed", "report_by_hour", "report_count"):
            connection.execute(text(f"delete from {table} where day = :day"), {"day": day})  # noqa: S608
        keys = {*alike["campaign"].to_pylist()} if rows else set()
        found = connection.execute(text(sum_queries.CAMPAIGNS_BY_KEY), {"keys": list(keys)}).all()
        campaigns = {row.key: row for row in found}
        if rows:
            hours = pa.concat_tables(self._hours).group_by(list(_BY_HOUR)).aggregate([("rows_sum", "sum")])
            hours = hours.rename_columns([*_BY_HOUR, "rows"])
            _copy(connection, "report_by_campaign", day, campaigns, alike, (*ALIKE, *NUMBERS, "cost"))
            _copy(connection, "report_by_hour", day, campaigns, hours, ("hour", "outcome", "rows"))
            connection.execute(text(sum_queries.SUM_BY_FEED), {"day": day})
        start, end = bounds(day)
        connection.execute(text(sum_queries.COUNT_DAY), {"day": day, "start": start, "end": end})
        return rows

    def _added_up(self) -> tuple[pa.Table, int]:
        if not self._alike:
            return pa.table({}), 0
        alike = summed(pa.concat_tables(self._alike), _BY_CAMPAIGN)
        return alike, sum(alike["rows"].to_pylist())


def sum_earlier_days(connection: Connection, lake: Lake, limit: int = 10) -> int:
    """Keep the sums of days that an earlier version wrote the report of, newest first; return how many.

    At most ``limit`` at a time, as each is read from the lake.
    """
    days = [dt.date.fromisoformat(day) for day in lake.partitions("delivery_report", "day")]
    written = set(connection.scalars(text(sum_queries.DAYS_WRITTEN), {"days": days}))
    missing = [day for day in sorted(days, reverse=True) if day not in written][:limit]
    for day in missing:
        sums = DaySums()
        for block in lake.table("delivery_report", day.isoformat(), "day").blocks():
            sums.add(conformed(block, DELIVERY_REPORT))
        sums.store(connection, day)
    return len(missing)


def _copy(
    connection: Connection,
    table: str,
    day: dt.date,
    campaigns: dict[str, Row[Any]],
    rows: pa.Table,
    columns: Iterable[str],
) -> None:
    """Copy sums in, each with the numbers of its campaign, team and feed."""
    names = [*columns]
    raw: Any = connection.connection.driver_connection
    into = ", ".join(("day", "campaign_id", "team_id", "feed_id", *names))
    with raw.cursor() as cursor, cursor.copy(f"copy {table} ({into}) from stdin") as copy:
        for row in rows.to_pylist():
            campaign = campaigns.get(row["campaign"])
            if campaign is not None:
                copy.write_row((day, campaign.id, campaign.team_id, campaign.feed_id, *(row[name] for name in names)))
