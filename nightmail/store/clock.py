"""The database's time, by which everything goes: machines' own clocks may be wrong, and differ."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, text


def database_time(connection: Connection) -> dt.datetime:
    """Return the time at which the transaction began, in UTC."""
    now: dt.datetime = connection.scalars(text("select now()")).one()
    return now


def database_ahead(connection: Connection) -> dt.timedelta:
    """Return how far the database's clock is ahead of this machine's; negative where it is behind.

    Adapters know a carrier's clock against this machine's only, so that what they are asked about is in its time.
    """
    theirs: dt.datetime = connection.scalars(text("select clock_timestamp()")).one()
    return theirs - dt.datetime.now(dt.UTC)
