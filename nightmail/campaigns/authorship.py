"""Who made, changed or asked for what a campaign sends: they cannot approve it where another person is demanded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.queries import AUTHORS, MAKERS_OF_KEYS


def authors_of(connection: Connection, campaign: CampaignRow) -> frozenset[str]:
    """The actors (``person:17``, ``key:3``, ``user:root``) behind a campaign, with the makers of their keys.

    Who made it or asked for messages of it, who stored the version of its template, and who changed its feed, or the lists and
    segments that it was made of, within a year before it.
    """
    return authors_of_all(connection, [campaign.id])[campaign.id]


def authors_of_all(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """:func:`authors_of` of many campaigns, by their ids, in as many questions as for one."""
    found: dict[int, set[str]] = {campaign_id: set() for campaign_id in campaign_ids}
    for row in connection.execute(text(AUTHORS), {"ids": list(campaign_ids)}) if campaign_ids else ():
        if row.actor:
            found[row.campaign].add(row.actor)
    makers = _makers(connection, {actor for actors in found.values() for actor in actors})
    return {campaign_id: _closed(actors, makers) for campaign_id, actors in found.items()}


def with_makers(connection: Connection, actors: Iterable[str]) -> frozenset[str]:
    """Actors, and for each API key among them who made it: what a key does, its maker can do with it."""
    known = {actor for actor in actors if actor}
    return _closed(known, _makers(connection, known))


def _makers(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """Who made each key among some actors, and the keys that made these."""
    makers: dict[str, str] = {}
    asked: set[str] = set()
    while keys := {
        actor for actor in {*actors, *makers.values()} - asked if actor[:4] == "key:" and actor[4:].isdigit()
    }:
        asked |= keys
        rows = connection.execute(text(MAKERS_OF_KEYS), {"keys": [int(key[4:]) for key in sorted(keys)]})
        makers |= {row.key: row.maker for row in rows}
    return makers


def _closed(actors: Iterable[str], makers: Mapping[str, str]) -> frozenset[str]:
    known = set(actors)
    while more := {makers[actor] for actor in known if actor in makers} - known:
        known |= more
    return frozenset(known)
