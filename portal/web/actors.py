"""Who an actor of the audit log is, for people."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.access.people import get_person
from nightmail.errors import NightmailError


def actor_name(connection: Connection, actor: str) -> str:
    """A person by name; a key, a command's user or a part of the product as it is kept."""
    kind, _, number = actor.partition(":")
    if kind != "person" or not number.isdecimal():
        return actor
    try:
        return get_person(connection, int(number)).name
    except NightmailError:
        return actor
