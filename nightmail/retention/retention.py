"""Retention: the ledger, receipts and audit go by whole months; what messages said goes earlier, by the team's days.

Months are detached, which takes moments whatever they hold, and then dropped or kept aside for an archive.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.message_ids import campaign_keys
from nightmail.store.partitions import PARTITIONED, next_month

CHUNK_LINES = 20_000


@dataclass(frozen=True, slots=True)
class Retained:
    """What one round of retention did."""

    detached: tuple[str, ...]
    """Partitions that no longer belong to their tables."""
    kept: tuple[str, ...]
    """Partitions that are old enough, but of which something is still open."""
    contents: int
    """Messages whose address and text were deleted."""


def months_to_keep(months: int, today: dt.date) -> dt.date:
    """The first day of the earliest month that is kept when ``months`` whole months before this one are."""
    if months < 1:
        raise ValueError("at least one month is kept")
    first = today.replace(day=1)
    for _ in range(months):
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return first


def _today(connection: Connection) -> dt.date:
    """The database's day: by a clock that is a year ahead, everything would be old enough to go."""
    today: dt.date = connection.scalars(text("select (now() at time zone 'UTC')::date")).one()
    return today


def detach_months(engine: Engine, *, keep_months: int, drop: bool = True, today: dt.date | None = None) -> Retained:
    """Detach the partitions of months before the last ``keep_months`` ones, and drop them unless they are to be archived.

    A month stays, its receipts and audit too, as long as a campaign in it is not finished, or a message in it is in doubt.
    """
    detached: list[str] = []
    kept: list[str] = []
    with engine.connect() as connection:
        earliest = months_to_keep(keep_months, today or _today(connection))
        rows = connection.execute(
            text(
                "select p.relname as parent, c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid "
                "join pg_class p on p.oid = i.inhparent where p.relname = any(:tables) and c.relkind = 'r' order by 2"
            ),
            {"tables": list(PARTITIONED)},
        ).all()
    for parent, name in rows:
        year, month = name.rsplit("_", 2)[1:]
        start = dt.date(int(year), int(month), 1)
        if next_month(start) > earliest:
            continue
        with engine.begin() as connection:
            # A lock that is not had at once would make every sender wait behind it.
            connection.execute(text("set local lock_timeout = '2s'"))
            if connection.scalar(
                text(
                    "select exists (select from campaign where ledger_month = :month "
                    "and state not in ('finished', 'cancelled', 'stopped')) "
                    "or exists (select from message where ledger_month = :month and state = 'queued') "
                    "or exists (select from message where ledger_month = :month and state = 'standby') "
                    "or exists (select from message where ledger_month = :month "
                    "and state in ('handing_over', 'in_doubt'))"
                ),
                {"month": start},
            ):
                kept.append(name)
                continue
            # The names are those of the catalogue, never input.
            connection.execute(text(f"alter table {parent} detach partition {name}"))
            if drop:
                connection.execute(text(f"drop table {name}"))
            detached.append(name)
    return Retained(tuple(detached), tuple(kept), 0)


def delete_contents(engine: Engine, *, today: dt.date | None = None) -> Retained:
    """Delete addresses and texts of campaigns that ended more than their team's ``retention_days`` ago.

    The ledger's rows stay: they know people by contact id and keyed hash only. Goes by ranges of lines, each committed,
    so that it may be cut off at any point.
    """
    with engine.connect() as connection:
        campaigns = connection.execute(
            text(
                "select c.id, c.ledger_month from campaign c join team t on t.id = c.team_id "
                "where c.ledger_month is not null and c.state in ('finished', 'cancelled', 'stopped') "
                "and c.state_changed_at < cast(:today as date) - make_interval(days => t.retention_days) "
                "and to_regclass('message_content_' || to_char(c.ledger_month, 'YYYY_MM')) is not null"
            ),
            {"today": today or _today(connection)},
        ).all()
    total = 0
    for campaign_id, month in campaigns:
        first, last = campaign_keys(campaign_id)
        while True:
            with engine.begin() as connection:
                done = connection.execute(
                    text(
                        "delete from message_content where ledger_month = :month and message_key = any(array("
                        "select message_key from message_content where ledger_month = :month "
                        "and message_key between :first and :last order by message_key limit :chunk))"
                    ),
                    {"month": month, "first": first, "last": last, "chunk": CHUNK_LINES},
                ).rowcount
            total += done
            if done < CHUNK_LINES:
                break
    return Retained((), (), total)


def retain(engine: Engine, *, keep_months: int = 25, today: dt.date | None = None) -> Retained:
    """One round of all of it: contents by the team's days, then whole months."""
    contents = delete_contents(engine, today=today)
    months = detach_months(engine, keep_months=keep_months, today=today)
    return Retained(months.detached, months.kept, contents.contents)
