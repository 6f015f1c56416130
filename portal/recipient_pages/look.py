"""A team's own look on pages for recipients: what it is called, its colours, and the link to its privacy notice."""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import bidirectional

from sqlalchemy import Connection

from nightmail.organisation.colours import text_on
from nightmail.organisation.recipient_pages import recipient_pages

_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Look:
    """What a page shows of the team."""

    name: str
    """As it stands within a sentence of any direction."""
    wordmark: str
    sheet: str
    privacy_notice: str | None


def look_of(connection: Connection, team: str, name: str) -> Look:
    """The look of the team at a path whose name is ``name``."""
    stated = recipient_pages(connection, team)
    shown = stated.name or name
    colours = stated.colours
    return Look(
        isolated(shown),
        stated.logo_text or shown,
        "" if colours is None else _sheet(*colours),
        stated.privacy_notice,
    )


def isolated(name: str) -> str:
    """A name that a sentence of the other direction does not tear apart: within isolates (UAX 9) where it is needed."""
    if any(bidirectional(sign) in ("R", "AL", "RLE", "RLO", "LRE", "LRO") for sign in name):
        return f"{_ISOLATE}{name}{_END_ISOLATE}"
    return name


def _sheet(day: str, night: str) -> str:
    return (
        f":root{{--deep:{day};--on-deep:{text_on(day)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--deep:{night};--on-deep:{text_on(night)}}}}}"
    )
