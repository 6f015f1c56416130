"""Where a page of a list begins: after the name and number of the row before, in the address as one word."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode


def place_text(name: str, number: int) -> str:
    """The place after a row as an address has it."""
    return urlsafe_b64encode(json.dumps([name, number]).encode()).decode().rstrip("=")


def place_of(word: str) -> tuple[str, int] | None:
    """The place that a word means; ``None``, the list's beginning, for no word and for one that is none of ours."""
    try:
        name, number = json.loads(urlsafe_b64decode(word + "=" * (-len(word) % 4)))
    except (ValueError, TypeError):
        return None
    if not isinstance(name, str) or not isinstance(number, int) or not 0 <= number < 2**31 or "\x00" in name:
        return None
    return name, number
