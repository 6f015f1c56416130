"""Keys of programs: made once, shown once, known afterwards by a hash only.

A key reads ``nm_<8 hex>_<43 characters>``: its first eleven characters find the row, and the SHA-256 of the whole key,
compared in constant time, proves it. The secret has 256 random bits, so a plain hash is enough: there is nothing to guess.

>>> with engine.begin() as connection:
...     key = create_key(connection, team_id=3, name="billing export", scopes=[Scope.FILES_WRITE])
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
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection, func, insert, select, update

from nightmail.errors import NightmailError, UsageError
from nightmail.store.tables import ApiKey, Team

_FORM = re.compile(r"(nm_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_USED_INTERVAL = dt.timedelta(minutes=5)


class Scope(StrEnum):
    """What a key lets a program do, for its team and the teams below."""

    FILES_WRITE = "files:write"
    """Upload contact files."""
    MESSAGES_WRITE = "messages:write"
    """Send single messages."""
    CAMPAIGNS_READ = "campaigns:read"
    """See campaigns, their counts and what became of each message."""
    CAMPAIGNS_WRITE = "campaigns:write"
    """Pause, resume and cancel campaigns."""
    DOUBTS_WRITE = "doubts:write"
    """Decide about messages in doubt."""
    REJECTS_READ = "rejects:read"
    """Download rejected rows, which hold personal data."""
    REPORTS_READ = "reports:read"
    """Read delivery reports."""
    REPLIES_READ = "replies:read"
    """Read what recipients answered, which is personal data."""
    CHANNELS_WRITE = "channels:write"
    """Suspend channels and use them again."""
    SUPPRESSIONS_READ = "suppressions:read"
    """See why an address is not used."""
    SUPPRESSIONS_WRITE = "suppressions:write"
    """Suppress addresses and lift suppressions."""
    ALERTS_READ = "alerts:read"
    """See alerts."""
    ALERTS_WRITE = "alerts:write"
    """Close alerts."""
    WEBHOOKS_WRITE = "webhooks:write"
    """Register addresses that are called at events."""


class KeyRefusedError(NightmailError):
    """The key is not one, is not known any more, or has expired."""


@dataclass(frozen=True, slots=True)
class Program:
    """Who asks: a program, by its key."""

    key_id: int
    key_name: str
    team_id: int
    team_path: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        """How the audit log names it."""
        return f"key:{self.key_id}"


def create_key(
    connection: Connection,
    *,
    team_id: int,
    name: str,
    scopes: Iterable[str],
    expires_at: dt.datetime | None = None,
) -> str:
    """Make a key and return it; it cannot be shown again. Raises :class:`UsageError` for a scope that does not exist."""
    wanted = sorted({str(scope) for scope in scopes})
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown or not wanted:
        raise UsageError("scope_unknown", value=", ".join(unknown) or "(none given)", known=", ".join(Scope))
    prefix = f"nm_{secrets.token_hex(4)}"
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    connection.execute(
        insert(ApiKey).values(
            team_id=team_id,
            name=name,
            prefix=prefix,
            key_hash=sha256(key.encode()).digest(),
            scopes=wanted,
            expires_at=expires_at,
        )
    )
    return key


def verify_key(connection: Connection, key: str) -> Program:
    """The program that a key belongs to. Raises :class:`KeyRefusedError`, the same for a wrong key and a revoked one."""
    wrong = KeyRefusedError("key_wrong")
    match = _FORM.fullmatch(key)
    if match is None:
        raise wrong
    row = connection.execute(
        select(
            ApiKey.id,
            ApiKey.name,
            ApiKey.key_hash,
            ApiKey.scopes,
            ApiKey.expires_at,
            ApiKey.revoked_at,
            ApiKey.last_used_at,
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
    if row.last_used_at is None or row.now - row.last_used_at > _USED_INTERVAL:
        connection.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=func.now()))
    return Program(row.id, row.name, row.team_id, row.path, frozenset(row.scopes))


def revoke_key(connection: Connection, key_id: int) -> None:
    """End a key; the next request with it is refused."""
    connection.execute(
        update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now())
    )
