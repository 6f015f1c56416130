"""What is deleted by age: what messages said, after the team's days; the ledger, receipts and audit by whole months.

Months are detached, which takes moments however large they are, and then dropped, or left for an archive.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.lake import Lake
from nightmail.message_ids import campaign_keys
from nightmail.retention import queries
from nightmail.retention.expired_files import DeletedFiles, delete_files
from nightmail.store.partitions import PARTITIONED, next_month, retire_month

CHUNK_MESSAGES = 20_000
"""Messages whose content one transaction deletes."""
KEPT_MONTHS = 25
"""Whole months of the ledger that are kept besides the current one."""


@dataclass(frozen=True, slots=True)
class DetachedMonths:
    """What became of the months that are old enough: names of partitions."""

    detached: tuple[str, ...]
    """No longer part of their tables."""
    still_open: tuple[str, ...]
    """Left where they are, since something in them is unfinished or in doubt."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one round of retention deleted."""

    months: DetachedMonths
    contents: int
    """Messages whose address and text were deleted."""
    files: DeletedFiles


def earliest_kept_month(months: int, today: dt.date) -> dt.date:
    """Return the first day of the earliest month that is kept when ``months`` whole months before this one are.

    Raises ``ValueError`` for less than one month.
    """
    if months < 1:
        raise ValueError("at least one month is kept")
    first = today.replace(day=1)
    for _ in range(months):
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return first


def _database_day(connection: Connection) -> dt.date:
    # By a machine's clock that is a year ahead, everything would be old enough to be deleted.
    today: dt.date = connection.scalars(text("select (now() at time zone 'UTC')::date")).one()
    return today


def detach_months(
    engine: Engine, *, keep_months: int, drop: bool = True, today: dt.date | None = None
) -> DetachedMonths:
    """Detach the partitions of months before the last ``keep_months`` ones, and drop them unless they are to be archived.

    A month stays, its receipts and audit too, as long as a campaign in it is not finished, or a message in it is in doubt;
    a month of the audit log also until all of it is sealed.
    """
    detached: list[str] = []
    still_open: list[str] = []
    with engine.connect() as connection:
        earliest = earliest_kept_month(keep_months, today or _database_day(connection))
        partitions = connection.execute(text(queries.MONTHS), {"tables": list(PARTITIONED)}).all()
    for partition in partitions:
        year, month = partition.name.rsplit("_", 2)[1:]
        start = dt.date(int(year), int(month), 1)
        if next_month(start) > earliest:
            continue
        with engine.begin() as connection:
            # While this statement waits for its lock, every sender would wait behind it.
            connection.execute(text("set local lock_timeout = '2s'"))
            if connection.scalar(text(queries.IS_MONTH_OPEN), {"month": start}):
                still_open.append(partition.name)
                continue
            if partition.parent == "audit" and connection.scalar(text(queries.IS_AUDIT_UNSEALED), {"month": start}):
                still_open.append(partition.name)
                continue
            retire_month(connection, partition.parent, start, keep_aside=not drop)
            detached.append(partition.name)
    return DetachedMonths(tuple(detached), tuple(still_open))


def delete_contents(engine: Engine, *, today: dt.date | None = None) -> int:
    """Delete addresses and texts of campaigns that ended more than their team's ``retention_days`` ago; return how many.

    The ledger's rows stay: they know people by contact id and keyed hash only. Each :data:`CHUNK_MESSAGES` messages are
    committed on their own, so that the work may be cut off at any point and repeated.
    """
    with engine.connect() as connection:
        campaigns = connection.execute(
            text(queries.ENDED_CAMPAIGNS), {"today": today or _database_day(connection)}
        ).all()
    total = 0
    for campaign in campaigns:
        first, last = campaign_keys(campaign.id)
        values = {"month": campaign.ledger_month, "first": first, "last": last, "chunk": CHUNK_MESSAGES}
        while True:
            with engine.begin() as connection:
                deleted = connection.execute(text(queries.DELETE_CONTENTS), values).rowcount
            total += deleted
            if deleted < CHUNK_MESSAGES:
                break
    return total


def delete_expired_data(
    engine: Engine, lake: Lake, *, keep_months: int = KEPT_MONTHS, today: dt.date | None = None
) -> Deleted:
    """Delete contents and the address book's files by the team's days, then detach and drop whole months."""
    contents = delete_contents(engine, today=today)
    files = delete_files(engine, lake, today=today)
    return Deleted(detach_months(engine, keep_months=keep_months, today=today), contents, files)
