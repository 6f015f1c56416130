"""Links that are good once: an invitation, a new password, the first administrator.

A link is looked at as often as one likes, as mail programs do, and used by what the person does on its page. The database
keeps its SHA-256: there are 256 random bits to guess.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, text

from nightmail.access.login_queries import END_LINKS, KEEP_LINK, LINK_BY_HASH, USE_LINK
from nightmail.errors import UsageError
from nightmail.store.clock import database_time


class LinkPurpose(StrEnum):
    """What a link is for."""

    INVITATION = "invitation"
    PASSWORD = "password"  # noqa: S105 - the name of a purpose
    FIRST_ADMINISTRATOR = "first_administrator"
    DEMONSTRATION = "demonstration"


LASTS: Mapping[LinkPurpose, dt.timedelta] = {
    LinkPurpose.INVITATION: dt.timedelta(days=7),
    LinkPurpose.PASSWORD: dt.timedelta(hours=1),
    LinkPurpose.FIRST_ADMINISTRATOR: dt.timedelta(hours=24),
    LinkPurpose.DEMONSTRATION: dt.timedelta(hours=12),
}
"""How long a link is good."""


@dataclass(frozen=True, slots=True)
class AccessLinkRow:
    """A link that is good now."""

    id: int
    purpose: LinkPurpose
    person_id: int | None
    created_by: str


def make_link(
    connection: Connection,
    purpose: LinkPurpose,
    *,
    created_by: str,
    person_id: int | None = None,
    now: dt.datetime | None = None,
) -> str:
    """Make a link and give its token, which cannot be shown again. Earlier links of the person for it are over."""
    now = now or database_time(connection)
    token = secrets.token_urlsafe(32)
    if person_id is not None:
        connection.execute(text(END_LINKS), {"person": person_id, "purpose": purpose, "now": now})
    values = {"token": _hash(token), "purpose": purpose, "person": person_id, "by": created_by, "now": now}
    connection.execute(text(KEEP_LINK), {**values, "expires": now + LASTS[purpose]})
    return token


def read_link(
    connection: Connection, token: str, *purposes: LinkPurpose, now: dt.datetime | None = None
) -> AccessLinkRow:
    """The link of a token, for one of ``purposes``.

    Raises :class:`UsageError`: ``access_link_wrong``, ``access_link_used`` or ``access_link_expired``.
    """
    return _good_link(connection, _hash(token[:200]), purposes, now)


def link_by_id(
    connection: Connection, link_id: int, *purposes: LinkPurpose, now: dt.datetime | None = None
) -> AccessLinkRow:
    """The link of a number, for a step that was begun at its page. Raises what :func:`read_link` does."""
    token_hash = connection.scalar(text("select token_hash from access_link where id = :id"), {"id": link_id})
    return _good_link(connection, bytes(token_hash or b""), purposes, now)


def use_link(connection: Connection, link: AccessLinkRow, *, now: dt.datetime | None = None) -> None:
    """Use a link up; of two at the same moment the second raises :class:`UsageError` (``access_link_used``)."""
    now = now or database_time(connection)
    if connection.scalar(text(USE_LINK), {"id": link.id, "now": now}) is None:
        raise UsageError("access_link_used")


def _good_link(
    connection: Connection, token_hash: bytes, purposes: Collection[LinkPurpose], now: dt.datetime | None
) -> AccessLinkRow:
    now = now or database_time(connection)
    row = connection.execute(text(LINK_BY_HASH), {"token": token_hash}).one_or_none()
    if row is None or row.purpose not in set(purposes) or row.person_state == "disabled":
        raise UsageError("access_link_wrong")
    if row.used_at is not None:
        raise UsageError("access_link_used")
    if now >= row.expires_at:
        raise UsageError("access_link_expired")
    return AccessLinkRow(row.id, LinkPurpose(row.purpose), row.person_id, row.created_by)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
