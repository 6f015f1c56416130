"""When a right or a key ends, as a person states it on the command line."""

from __future__ import annotations

import datetime as dt

from nightmail.errors import UsageError

UNTIL_HELP = (
    "When it ends: a date (its end, UTC), a time with its offset, or days from now such as 90d; by default never."
)


def stated_end(written: str | None) -> dt.datetime | None:
    """The moment that ``2027-01-31``, ``2027-01-31T18:00+01:00`` or ``90d`` means; ``None`` for none.

    Raises :class:`UsageError` (``arguments_wrong``).
    """
    if written is None:
        return None
    now = dt.datetime.now(dt.UTC)
    try:
        if written.endswith("d") and written[:-1].isdecimal():
            return now + dt.timedelta(days=int(written[:-1]))
        if len(written) == len("2027-01-31"):
            end = dt.datetime.combine(dt.date.fromisoformat(written), dt.time(), dt.UTC) + dt.timedelta(days=1)
        else:
            end = dt.datetime.fromisoformat(written)
    except (ValueError, OverflowError):
        raise UsageError("arguments_wrong", problem=f"{written} is no end: write 2027-01-31, or 90d") from None
    if end.tzinfo is None:
        raise UsageError("arguments_wrong", problem=f"{written} has no offset: add +00:00, or Z")
    return end
