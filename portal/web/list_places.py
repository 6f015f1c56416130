"""Where a page of a list begins: after the name (or time) and number of the row before, in the address as one word."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

LONGEST = 4_000
"""Characters of a place: a name in any script is a third of it."""


def place_text(name: str, number: int) -> str:
    """The place after a row as an address has it."""
    return urlsafe_b64encode(json.dumps([name, number]).encode()).decode().rstrip("=")


def place_of(word: str) -> tuple[str, int] | None:
    """The place that a word means; ``None``, the list's beginning, for no word and for one that is none of ours."""
    if len(word) > LONGEST:
        return None
    try:
        name, number = json.loads(urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (ValueError, TypeError, RecursionError):
        return None
    if not isinstance(name, str) or not isinstance(number, int) or not 0 <= number < 2**31 or not _storable(name):
        return None
    return name, number


def moment_text(at: datetime, number: int) -> str:
    """The place after a row of a list in order of time, as an address has it."""
    return place_text(at.isoformat(), number)


def moment_of(word: str) -> tuple[datetime, int] | None:
    """The time and number that a word means; ``None``, the list's beginning, for no word and for one that is none of ours."""
    found = place_of(word) if word else None
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[0])
    except ValueError:
        return None
    return (at, found[1]) if at.tzinfo is not None and 2000 <= at.year <= 9000 else None


def _storable(name: str) -> bool:
    """Whether the database can compare with it: no zero sign, no half of a surrogate pair."""
    return "\x00" not in name and not any("\ud800" <= sign <= "\udfff" for sign in name)
