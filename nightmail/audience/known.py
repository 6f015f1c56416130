"""Suppressions, preferences and consents that hold when an audience is planned, as Arrow tables.

They come from the database, limited to one team (and what holds for all teams) and to what is active, and where that is cheaper to
the people of one campaign;
``nightmail check`` without a database uses :meth:`KnownPreferences.nothing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from nightmail.audience.caps import RecentSends
from nightmail.audience.known_index import KnownIndex
from nightmail.audience.policy import AudiencePolicy
from nightmail.lake.schemas import UTC_TIME

if TYPE_CHECKING:
    from nightmail.audience.book_ids import BookIds
    from nightmail.lake import TableFile

SUPPRESSIONS = pa.schema(
    [
        pa.field("id", pa.int64()),
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
        pa.field("statements", pa.list_(pa.int64())),
    ]
)
"""What contacts chose: one row each, null where nothing was chosen. Quiet hours read like ``21:00``. ``statements`` has, of each
team that the contact chose with, the id of the latest statement that this comes to."""

CONSENTS = pa.schema(
    [
        pa.field("id", pa.int64()),
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

    def known_of(self, contacts: TableFile, policy: AudiencePolicy, book_ids: BookIds | None) -> KnownIndex:  # noqa: ARG002
        """All of it, whoever is asked for."""
        return self.ready(policy)

    def ready(self, policy: AudiencePolicy) -> KnownIndex:
        """The same, ready to be looked up in."""
        return KnownIndex(policy, self.suppressions, self.preferences, self.consents, self.recent)


class PreferenceSource(Protocol):
    """Where it stands what is known: asked once it is clear whom a campaign would write to."""

    def known_of(self, contacts: TableFile, policy: AudiencePolicy, book_ids: BookIds | None) -> KnownIndex:
        """What is known of the contacts of a table, and perhaps of others."""
        ...
