"""What of personal data is shown to somebody who may not see it: one function per kind, asked by pages, exports and API.

Each takes ``personal``: whether the reader has the permission ``personal.see`` at the team whose data it is. With it everything
is shown as it is. Without it nothing shown tells who somebody is or what they were told, and rows can still be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from nightmail.privacy.hashes import mask

Value = TypeVar("Value")

HIDDEN = "•••"


def shown_address(address: str | None, *, personal: bool) -> str:
    """An address: ``+44•••••••89`` or ``a•••@example.com`` without the permission; empty where there is none."""
    return (address or "") if personal else mask(address)


def shown_name(name: str | None, *, personal: bool) -> str:
    """A name: its first letter without the permission."""
    if not name:
        return ""
    return name if personal else f"{name[:1]}{HIDDEN}"


def shown_identifier(identifier: str | None, *, personal: bool) -> str:
    """A team's own id of somebody: its last two characters without the permission, none of a short one."""
    if not identifier:
        return ""
    return identifier if personal else f"{HIDDEN}{identifier[-2:] if len(identifier) > 4 else ''}"


def shown_body(text: str | None, *, personal: bool) -> str | None:
    """What was written to or by somebody, a subject too: left out without the permission."""
    return text if personal else None


def shown_birth_date(date: Value | None, *, personal: bool) -> Value | None:
    """A birth date: left out without the permission."""
    return date if personal else None


def shown_values(values: Mapping[str, Value], *, personal: bool) -> dict[str, Value | str]:
    """Further columns of a row, or the values of placeholders: their names alone without the permission."""
    return dict(values) if personal else dict.fromkeys(values, HIDDEN)


def shown_list(entries: list[Value], *, personal: bool) -> list[Value]:
    """What came with a message, such as pictures: left out without the permission."""
    return entries if personal else []
