"""The ids that stand for one contact since a merge: what is stated under one of them holds for all.

Messages that were planned before the merge, links in older messages and rows of files go on using the id of the contact that went.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from nightmail.consent import merge_queries as queries


def linked_contacts(connection: Connection, contacts: Collection[str]) -> dict[str, list[str]]:
    """Of each of some contacts the other ids that stand for it; contacts that were in no merge are left out.

    Until the transaction ends no merge is made or taken back: one that came in between would not know what is recorded here.
    """
    connection.execute(text(queries.KEEP_LINKS))
    linked: dict[str, list[str]] = {}
    if connection.scalar(text(queries.ANY_LINKS)):
        for row in connection.execute(text(queries.LINKS), {"contacts": sorted(contacts)}):
            linked.setdefault(row.origin, []).append(row.other)
    return linked


def change_links(connection: Connection) -> None:
    """Wait until nobody records what contacts stated, and let nobody do so until the transaction ends."""
    connection.execute(text(queries.CHANGE_LINKS))
