"""Keys of programs: made once, shown once, known afterwards by a hash only.

A key reads ``nm_<8 hex>_<43 characters>``: its first eleven characters find the row, and the SHA-256 of the whole key,
compared in constant time, proves it. The secret has 256 random bits, so a plain hash is enough: there is nothing to guess.

>>> with engine.begin() as connection:
...     key = create_key(connection, team_id=3, name="billing export", permissions=["file.upload"])
>>> verify_key(connection, key).team_path
'acme.billing'
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, func, insert, select, update

from nightmail.access.networks import checked_networks, is_within
from nightmail.access.permissions import Permission, known_permissions, permissions_named
from nightmail.access.principals import Held, Principal
from nightmail.errors import NightmailError
from nightmail.store.tables import ApiKey, Team

_FORM = re.compile(r"(nm_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_USED_INTERVAL = dt.timedelta(minutes=5)


class KeyRefusedError(NightmailError):
    """The key is not one, is not known any more, or has expired."""


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks: a program, by its key."""

    key_id: int
    key_name: str
    team_id: int
    team_path: str
    permissions: frozenset[Permission]

    @property
    def actor(self) -> str:
        """How the audit log names it."""
        return f"key:{self.key_id}"

    @property
    def sees_personal(self) -> bool:
        """Whether it may see personal data."""
        return Permission.PERSONAL_SEE in self.permissions

    @property
    def principal(self) -> Principal:
        """The program as one that may do something at its team and below."""
        held = Held(None, f"key {self.key_name}", self.team_path, self.permissions)
        return Principal("program", self.key_id, self.key_name, (held,))


def create_key(
    connection: Connection,
    *,
    team_id: int,
    name: str,
    permissions: Iterable[str],
    expires_at: dt.datetime | None = None,
    created_by: str = "",
    allowed_networks: Iterable[str] = (),
) -> str:
    """Make a key and return it; it cannot be shown again. Names of scopes, as keys had them before, are taken too.

    Rights are not looked at: :func:`nightmail.access.key_changes.new_key` does. Raises :class:`UsageError`
    (``permission_unknown``, ``network_wrong``).
    """
    prefix = f"nm_{secrets.token_hex(4)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    connection.execute(
        insert(ApiKey).values(
            team_id=team_id,
            name=name,
            prefix=prefix,
            key_hash=sha256(key.encode()).digest(),
            permissions=sorted(permissions_named(permissions)),
            expires_at=expires_at,
            created_by=created_by,
            allowed_networks=checked_networks(allowed_networks),
        )
    )
    return key


def prefix_of(key: str) -> str:
    """The part of a key by which its row is found, and which may be shown."""
    return key[:11]


def verify_key(connection: Connection, key: str, address: str | None = None) -> Program:
    """The program that a key belongs to. ``address`` is where the request comes from.

    Raises :class:`KeyRefusedError`: ``key_wrong``, the same for a wrong key and a revoked one; ``key_expired``; ``key_network``
    for a right one that comes from a network where it is not allowed.
    """
    wrong = KeyRefusedError("key_wrong")
    match = _FORM.fullmatch(key)
    if match is None:
        raise wrong
    row = connection.execute(
        select(
            ApiKey.id,
            ApiKey.name,
            ApiKey.key_hash,
            ApiKey.permissions,
            ApiKey.expires_at,
            ApiKey.revoked_at,
            ApiKey.last_used_at,
            ApiKey.allowed_networks,
            ApiKey.team_id,
            Team.path,
            func.now().label("now"),
        )
        .join(Team, Team.id == ApiKey.team_id)
        .where(ApiKey.prefix == match[1])
    ).one_or_none()
    # The comparison takes place for unknown prefixes too, so that the time taken does not show which prefixes exist.
    known = row.key_hash if row is not None else bytes(32)
    proved = hmac.compare_digest(sha256(key.encode()).digest(), known)
    if row is None or not proved or row.revoked_at is not None:
        raise wrong
    if row.expires_at is not None and row.expires_at <= row.now:
        raise KeyRefusedError("key_expired")
    if row.allowed_networks and not is_within(address, row.allowed_networks):
        raise KeyRefusedError("key_network", address=address or "an unknown address")
    if row.last_used_at is None or row.now - row.last_used_at > _USED_INTERVAL:
        connection.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=func.now()))
    return Program(row.id, row.name, row.team_id, row.path, known_permissions(row.permissions))
