"""What the name of a file says about parts: ``due.1of3.csv`` is the first of three."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nightmail.contact_files.openpgp import plain_name

_NAME = re.compile(r"(?P<stem>.+?)[._-](?P<number>\d{1,3})of(?P<total>\d{1,3})(?P<suffix>\.[^/]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PartName:
    """What the name of a part says."""

    whole: str
    """The name of the whole: ``due.csv``."""
    number: int
    total: int


def part_name(name: str) -> PartName | None:
    """What a file's name says about parts; ``None`` for a file that is whole.

    >>> part_name("due.2of3.csv")
    PartName(whole='due.csv', number=2, total=3)
    """
    match = _NAME.fullmatch(plain_name(name))
    if match is None:
        return None
    number, total = int(match["number"]), int(match["total"])
    if not 1 <= number <= total:
        return None
    return PartName(f"{match['stem']}{match['suffix'] or ''}", number, total)
