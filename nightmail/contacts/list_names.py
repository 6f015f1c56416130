"""The names that teams give to segments and lists."""

from __future__ import annotations

import unicodedata

from nightmail.errors import UsageError

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 1_000


def checked_name(name: str) -> str:
    """A name without space around it. Raises :class:`UsageError` (``list_name_invalid``)."""
    plain = unicodedata.normalize("NFC", name).strip()
    problem = None
    if not plain:
        problem = "it is empty"
    elif len(plain) > LONGEST_NAME:
        problem = f"it has more than {LONGEST_NAME} characters"
    elif any(unicodedata.category(sign) in ("Cc", "Cs", "Cf", "Zl", "Zp") for sign in plain):
        problem = "it has a character that nobody sees"
    elif plain.isdecimal():
        # A number would be taken for the number of a list.
        problem = "it is a number"
    if problem is not None:
        raise UsageError("list_name_invalid", value=repr(plain[:40]), problem=problem)
    return plain


def checked_description(description: str) -> str:
    """A description. Raises :class:`UsageError` (``list_name_invalid``) for one that is too long or no text."""
    if len(description) > LONGEST_DESCRIPTION or "\0" in description:
        problem = f"its description has more than {LONGEST_DESCRIPTION} characters, or one that is no text"
        raise UsageError("list_name_invalid", value="This", problem=problem)
    return description.strip()
