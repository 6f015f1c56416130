"""Who looks where: each finder answers with what this person may see, at most :data:`MOST` of a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from portal.web.navigation import sections_for
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

MOST = 20


@dataclass(frozen=True)
class Found:
    """One thing that fits."""

    address: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """What one finder found."""

    label: str
    found: tuple[Found, ...]


Finder = Callable[[Connection, SignedIn, str], Group]


def find(connection: Connection, me: SignedIn, wanted: str) -> tuple[Group, ...]:
    """The groups in which something fits ``wanted``."""
    groups = (finder(connection, me, wanted) for finder in FINDERS)
    return tuple(group for group in groups if group.found)


def _pages(_connection: Connection, me: SignedIn, wanted: str) -> Group:
    words = wanted.casefold().split()
    links = [link for section in sections_for(me, "") for link in section.links]
    fitting = [link for link in links if all(word in f"{link.label} {link.description}".casefold() for word in words)]
    found = tuple(Found(link.address, link.label, link.description) for link in fitting[:MOST])
    return Group(gettext("Pages"), found)


FINDERS: tuple[Finder, ...] = (_pages,)
"""What is asked, in the order of the page."""
