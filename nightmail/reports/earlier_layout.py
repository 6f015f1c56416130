"""Partitions of reports that an earlier version wrote, brought to today's columns.

Earlier versions wrote the day as a column beside the folder's name, and the page as ``report.html``: readers of a whole folder,
such as ``pandas.read_parquet``, refuse both.
"""

from __future__ import annotations

import datetime as dt

from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT, USAGE_REPORT, conformed
from nightmail.reports.report_page import move_earlier_page


def mend_earlier_days(lake: Lake, today: dt.date) -> int:
    """Rewrite the days before yesterday that an earlier version wrote; return their number.

    Today and yesterday are written again from the ledger anyway. The oldest day is mended last and is the only one that is
    looked at each time: when it is as it should be, so are the others.
    """
    mended = 0
    recent = (today - dt.timedelta(days=1)).isoformat()
    for asset, schema in (("delivery_report", DELIVERY_REPORT), ("usage_report", USAGE_REPORT)):
        days = [day for day in lake.partitions(asset, "day") if day < recent]
        if not days or "day" not in lake.table(asset, days[0], "day").schema().names:
            continue
        for day in reversed(days):
            table = lake.table(asset, day, "day")
            if "day" in table.schema().names:
                move_earlier_page(table)
                table.write(conformed(table.read(), schema))
                mended += 1
    return mended
