"""What the store knows of the people of a campaign: all that is known in its team, or what is found by their hashes.

A million suppressions are no matter to a campaign of a hundred contacts: they are looked up. For a large campaign in a team of
whom little is known it is the other way round. Both give the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine, text

from nightmail.audience import AudiencePolicy, BookIds, people_of
from nightmail.audience.known_index import KnownIndex
from nightmail.lake import TableFile
from nightmail.preparation import queries
from nightmail.preparation.recent_sends import SendsInStore
from nightmail.preparation.stored_inputs import known_preferences

FEW = 500
"""Contacts that are always looked up: that takes milliseconds."""
MOST_LOOKED_UP = 200_000
"""Contacts from which on all that is known is read, however much that is: the list of hashes grows long."""
RECORDS_A_LOOKUP = 5
"""How many records are read in the time in which one contact is looked up."""


@dataclass(frozen=True)
class StoredPreferences:
    """What a store knows for a team; sends of ``campaign_id`` itself do not count for caps."""

    engine: Engine
    team: str
    campaign_id: int | None = None

    def known_of(self, contacts: TableFile, policy: AudiencePolicy, book_ids: BookIds | None) -> KnownIndex:
        """What is known of the contacts of a table, with what they got lately."""
        rows = contacts.num_rows()
        with self.engine.connect() as connection:
            people = None
            if lookup_is_cheaper(connection, self.team, rows):
                people = people_of(contacts, policy, book_ids)
            known = known_preferences(connection, self.team, people)
        return replace(known, recent=SendsInStore(self.engine, policy.moment, self.campaign_id)).ready(policy)


def lookup_is_cheaper(connection: Connection, team: str, contacts: int) -> bool:
    """Whether looking so many contacts up is cheaper than reading all that is known in a team."""
    if contacts <= FEW or contacts > MOST_LOOKED_UP:
        return contacts <= FEW
    limit = contacts * RECORDS_A_LOOKUP
    known = connection.execute(text(queries.KNOWN_UP_TO), {"team": team, "limit": limit}).scalar_one()
    return int(known) >= limit
