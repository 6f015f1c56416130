"""Numbers set aside before the demo sends anything: what is made up later is older than that, and its numbers are smaller.

Lists go by number where they show the newest first, and messages' keys begin with their campaign's.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.demonstration.queries import TAKE_CAMPAIGNS, TAKE_REPLIES

CAMPAIGNS = 60
REPLIES = 600


@dataclass(frozen=True, slots=True)
class Reserved:
    """The first of the numbers that were set aside of campaigns and of replies."""

    campaigns: int
    replies: int


def reserve(connection: Connection) -> Reserved:
    """Set numbers aside, in a database that has a team and a template."""
    return Reserved(_numbers(connection, TAKE_CAMPAIGNS, CAMPAIGNS), _numbers(connection, TAKE_REPLIES, REPLIES))


def _numbers(connection: Connection, statement: str, count: int) -> int:
    taken_back = connection.begin_nested()
    numbers = connection.scalars(text(statement), {"count": count}).all()
    taken_back.rollback()
    return int(min(numbers))
