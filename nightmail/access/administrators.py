"""There is always somebody who can give rights: a change that would leave a team at the top without one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from nightmail.access.grant_queries import ADMINISTERED
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.errors import NightmailError


def administered(connection: Connection) -> frozenset[str]:
    """The teams at the top, and ``""`` for the deployment as a whole, at which an active person may give rights for good."""
    ready = [role.name for role in READY_MADE if Permission.PEOPLE_GRANT in role.permissions]
    return frozenset(connection.scalars(text(ADMINISTERED), {"permission": Permission.PEOPLE_GRANT, "ready": ready}))


def has_administrator(connection: Connection) -> bool:
    """Whether an active person may give rights for the deployment as a whole, or at a team at its top."""
    return bool(administered(connection))


@contextmanager
def keep_administrators(connection: Connection) -> Iterator[None]:
    """Change what people hold; raises :class:`NightmailError` (``last_administrator``) where nobody would be left.

    One such change takes place at a time, so that two administrators cannot withdraw each other's rights.
    """
    connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.administrators'))"))
    before = administered(connection)
    yield
    after = administered(connection)
    left = () if EVERYWHERE in after else sorted(before - after)
    if left:
        raise NightmailError("last_administrator", team=left[0] or "the whole deployment")
