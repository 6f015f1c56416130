"""Suppressions, preferences and consents that hold when an audience is planned, as Arrow tables.

They come from the database by COPY or Arrow, limited to one team (and what holds for all teams) and to what is active;
``nightmail check`` without a database uses :meth:`KnownPreferences.nothing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from nightmail.audience.caps import RecentSends
from nightmail.lake.schemas import UTC_TIME

SUPPRESSIONS = pa.schema(
    [
        pa.field("address_hash", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("category", pa.string()),
        pa.field("opted_out", pa.bool_()),
        pa.field("undecided", pa.bool_()),
    ]
)
"""Addresses not to be used: on a channel (null: on all) and for a category (null: for all). ``opted_out`` says whether
the address's owner asked for it, ``undecided`` that they probably did and a person has yet to read it."""

PREFERENCES = pa.schema(
    [
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("channels", pa.list_(pa.string())),
        pa.field("categories_in", pa.list_(pa.string())),
        pa.field("categories_out", pa.list_(pa.string())),
        pa.field("quiet_from", pa.string()),
        pa.field("quiet_until", pa.string()),
        pa.field("time_zone", pa.string()),
        pa.field("language", pa.string()),
        pa.field("paused_until", UTC_TIME),
    ]
)
"""What contacts chose: one row each, null where nothing was chosen. Quiet hours read like ``21:00``."""

CONSENTS = pa.schema(
    [
        pa.field("contact_id", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("stated_at", UTC_TIME),
        pa.field("withdrawn", pa.bool_()),
        pa.field("expires_at", UTC_TIME),
    ]
)
"""Of each contact, category and channel (null: all) the latest that was stated: a consent, which may have an end, or that it was
withdrawn."""


@dataclass(frozen=True)
class KnownPreferences:
    """The three tables, with the columns of :data:`SUPPRESSIONS`, :data:`PREFERENCES` and :data:`CONSENTS`."""

    suppressions: pa.Table = field(default_factory=SUPPRESSIONS.empty_table)
    preferences: pa.Table = field(default_factory=PREFERENCES.empty_table)
    consents: pa.Table = field(default_factory=CONSENTS.empty_table)
    recent: RecentSends | None = None
    """What contacts got lately, for frequency caps; without it, none holds."""

    @classmethod
    def nothing(cls) -> KnownPreferences:
        """Three empty tables: nobody opted out, chose or agreed."""
        return cls()
