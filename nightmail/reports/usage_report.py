"""The usage report of a day: what each team sent, and what it cost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow.compute as pc
from sqlalchemy import Connection

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.lake import TableFile
from nightmail.lake.schemas import USAGE_REPORT
from nightmail.reports import queries
from nightmail.reports.days import bounds
from nightmail.store.copying import copy_table


def write_usage_report(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the usage report of a UTC day with the columns of ``USAGE_REPORT``.

    Return ``rows``, ``messages``, and the ``costs`` by currency, as text.
    """
    start, end = bounds(day)
    values = {
        "start": start,
        "end": end,
        "reached": [str(status) for status in REACHED],
        "not_reached": [str(status) for status in NOT_REACHED],
    }
    table = copy_table(connection, queries.USAGE_ROWS, values, USAGE_REPORT)
    destination.write(table)
    costs: dict[str, str] = {}
    for currency in pc.unique(table["currency"].drop_null()).to_pylist():
        of_currency = table.filter(pc.equal(table["currency"], currency))
        costs[currency] = str(pc.sum(of_currency["cost"]).as_py())
    return {"rows": table.num_rows, "messages": pc.sum(table["messages"]).as_py() or 0, "costs": costs}
