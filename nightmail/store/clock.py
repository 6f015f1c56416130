"""The database's time, by which everything goes: machines' own clocks may be wrong, and differ."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, text


def database_time(connection: Connection) -> dt.datetime:
    """Return the time at which the transaction began, in UTC."""
    now: dt.datetime = connection.scalars(text("select now()")).one()
    return now
