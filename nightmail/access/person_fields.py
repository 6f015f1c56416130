"""What a person's name, address, language and time zone may be. Each function gives the value as it is kept, or refuses it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from zoneinfo import available_timezones

from nightmail.errors import UsageError

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
"""The portal's languages, each in its own."""

LONGEST_NAME = 200
"""Characters (code points after NFC), which is room for every name that passports print, several times over."""
LONGEST_EMAIL = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""

_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}|localhost")
_NOT_IN_NAMES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")
"""Signs that turn the direction of what follows, or break lines: a name would change the text around it."""


def checked_email(written: str) -> str:
    """An address in lower case, its domain as DNS has it (RFC 5891). Raises :class:`UsageError` (``person_email``)."""
    wrong = UsageError("person_email", value=written.strip()[:80])
    local, at, domain = written.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise wrong from None
    if not at or _LOCAL.fullmatch(local) is None or _DOMAIN.fullmatch(domain) is None or ".." in f".{local}.":
        raise wrong
    email = f"{local.lower()}@{domain}"
    if len(email) > LONGEST_EMAIL:
        raise wrong
    return email


def checked_name(written: str) -> str:
    """A name in NFC with single spaces, of any script.

    Raises :class:`UsageError`: ``person_name_long`` for more than :data:`LONGEST_NAME` characters, ``person_name`` for an empty one
    and for signs that are no part of names (controls, turns of direction).
    """
    name = " ".join(unicodedata.normalize("NFC", written).split())
    if not name or any(
        unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") or sign in _NOT_IN_NAMES for sign in name
    ):
        raise UsageError("person_name")
    if len(name) > LONGEST_NAME:
        raise UsageError("person_name_long", length=len(name), limit=LONGEST_NAME)
    return name


def checked_language(written: str) -> str:
    """One of :data:`LANGUAGES`. Raises :class:`UsageError` (``person_language``)."""
    if written not in LANGUAGES:
        raise UsageError("person_language", value=written[:20], known=", ".join(LANGUAGES))
    return written


def checked_time_zone(written: str) -> str:
    """An IANA time zone. Raises :class:`UsageError` (``person_time_zone``)."""
    if written not in available_timezones():
        raise UsageError("person_time_zone", value=written[:60])
    return written
