"""Monthly partitions of the ledger, receipts and audit: made ahead, detached by retention."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import Connection, text

PARTITIONED = ("message", "message_content", "attempt", "message_recipient", "receipt", "audit")
"""Tables that are partitioned by the month in their first key column."""

FILL = {"message": 40}
"""How full, in percent, a table's pages are made where it is not wholly.

Every message changes twice, and then with its receipts. With the room for it on its own page, a change dirties one page
and not two, writes to the log only what differs, and takes the place of the version before the last; a receipt touches
no index. A month that was sent is no larger for it; messages that never change take two and a half times the room.
"""

MONTHS_AHEAD = 2
_PARTITION_NAME = re.compile(r"(?:message|message_content|attempt|message_recipient|receipt|audit)_\d{4}_\d{2}")


def month_of(moment: dt.datetime | dt.date) -> dt.date:
    """The first day of the month (UTC for a time) that a row of ``moment`` belongs to."""
    if isinstance(moment, dt.datetime):
        moment = moment.astimezone(dt.UTC).date()
    return moment.replace(day=1)


def next_month(month: dt.date) -> dt.date:
    """The first day of the month after ``month``."""
    return (month.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def partition_name(table: str, month: dt.date) -> str:
    """The name of a table's partition, such as ``message_2026_11``."""
    name = f"{table}_{month:%Y_%m}"
    if not _PARTITION_NAME.fullmatch(name):
        raise ValueError(f"not a partitioned table: {table}")
    return name


def ensure_partitions(connection: Connection, month: dt.date, months_ahead: int = MONTHS_AHEAD) -> None:
    """Make the partitions of ``month`` and of the months after it that are not there yet. Safe to call at any time."""
    wanted = [month.replace(day=1)]
    for _ in range(months_ahead):
        wanted.append(next_month(wanted[-1]))
    names = {partition_name(table, start): (table, start) for start in wanted for table in PARTITIONED}
    there = set(
        connection.scalars(text("select relname from pg_class where relname = any(:names)"), {"names": list(names)})
    )
    missing = [name for name in names if name not in there]
    if not missing:
        return
    for name in missing:
        table, start = names[name]
        # By the owner's function: the role that the product works as can make no table.
        connection.execute(
            text("select make_month(:table, :month, :fill)"),
            {"table": table, "month": start, "fill": FILL.get(table)},
        )


def refresh_statistics(connection: Connection, table: str, month: dt.date) -> None:
    """Let the planner know of a month's rows now, by the owner's function."""
    connection.execute(text("select analyze_month(:table, :month)"), {"table": table, "month": month})


def retire_month(connection: Connection, table: str, month: dt.date, *, keep_aside: bool) -> None:
    """Detach an earlier month of a table, and drop it unless it is to be kept aside, by the owner's function.

    Of the audit log only months are taken that are six months old and wholly sealed; what went is an entry.
    """
    connection.execute(
        text("select retire_month(:table, :month, :aside)"), {"table": table, "month": month, "aside": keep_aside}
    )
