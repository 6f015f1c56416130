"""Who made, changed or asked for what a campaign sends: they cannot approve it where another person is demanded."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.queries import AUTHORS, MAKERS_OF_KEYS


def authors_of(connection: Connection, campaign: CampaignRow) -> frozenset[str]:
    """The actors (``person:17``, ``key:3``, ``user:root``) behind a campaign, with the makers of their keys.

    Who made it or asked for messages of it, who stored the version of its template, and who changed its feed within a year
    before it.
    """
    rows = connection.scalars(text(AUTHORS), {"id": campaign.id, "key": campaign.key})
    return with_makers(connection, rows.all())


def with_makers(connection: Connection, actors: Iterable[str]) -> frozenset[str]:
    """Actors, and for each API key among them who made it: what a key does, its maker can do with it."""
    known = frozenset(actor for actor in actors if actor)
    while True:
        keys = [int(actor[4:]) for actor in known if actor.startswith("key:") and actor[4:].isdigit()]
        makers = frozenset(connection.scalars(text(MAKERS_OF_KEYS), {"keys": keys})) if keys else frozenset()
        if makers <= known:
            return known
        known |= makers
