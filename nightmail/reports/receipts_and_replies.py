"""What carriers and recipients said on a UTC day, by the time of arrival."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection

from nightmail.lake import TableFile
from nightmail.lake.schemas import OPT_OUTS, QUESTIONS, RECEIPTS, REPLIES
from nightmail.reports import queries
from nightmail.reports.days import bounds, count_values
from nightmail.store.copying import copy_blocks, copy_table


def write_receipts(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the receipts of a UTC day with the columns of ``RECEIPTS``; return ``rows``, and the rows by ``statuses``."""
    start, end = bounds(day)
    statuses: dict[str, int] = {}
    with destination.writer(RECEIPTS) as writer:
        for block in copy_blocks(connection, queries.RECEIPT_ROWS, {"start": start, "end": end}, RECEIPTS):
            writer.write(block)
            count_values(statuses, block["status"])
        rows = writer.rows
    return {"rows": rows, "statuses": statuses}


def write_replies(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the replies of a UTC day with the columns of ``REPLIES``; return ``rows``, and the rows by ``kinds``."""
    start, end = bounds(day)
    table = copy_table(connection, queries.REPLY_ROWS, {"start": start, "end": end}, REPLIES)
    destination.write(table)
    kinds: dict[str, int] = {}
    count_values(kinds, table["kind"])
    return {"rows": table.num_rows, "kinds": kinds}


def write_opt_outs(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the opt-outs of a UTC day with the columns of ``OPT_OUTS``; return ``rows``, and the rows by ``how``."""
    start, end = bounds(day)
    how: dict[str, int] = {}
    with destination.writer(OPT_OUTS) as writer:
        for block in copy_blocks(connection, queries.OPT_OUT_ROWS, {"start": start, "end": end}, OPT_OUTS):
            writer.write(block)
            count_values(how, block["how"])
        rows = writer.rows
    return {"rows": rows, "how": how}


def write_questions(connection: Connection, day: dt.date, destination: TableFile) -> dict[str, Any]:
    """Write the answers of a UTC day to questions with the columns of ``QUESTIONS``; return ``rows``, and those by ``means``."""
    start, end = bounds(day)
    table = copy_table(connection, queries.QUESTION_ROWS, {"start": start, "end": end}, QUESTIONS)
    destination.write(table)
    means: dict[str, int] = {}
    count_values(means, table["means"].fill_null("unknown"))
    return {"rows": table.num_rows, "means": means}
