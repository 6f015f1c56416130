"""Which days' reports changed, found by the ends of indexes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, text

from nightmail.reports import queries


def latest_change(connection: Connection) -> dt.datetime | None:
    """Return when anything that reports hold changed last; ``None`` when nothing was ever sent."""
    found: dt.datetime | None = connection.scalar(text(queries.LATEST_CHANGE))
    return found


def changed_days(connection: Connection, after: dt.datetime, until: dt.datetime) -> list[dt.date]:
    """Return the UTC days whose reports changed in ``(after, until]``: hand-offs, decisions, receipts and replies."""
    return list(connection.scalars(text(queries.CHANGED_DAYS), {"after": after, "until": until}))
