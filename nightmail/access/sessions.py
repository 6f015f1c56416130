"""Sessions of people: a login, kept in the database and known by a token that only the browser has."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, text

from nightmail.access.queries import FIND_SESSION, START_SESSION
from nightmail.settings import Settings

RECENT = dt.timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force and whose it is. ``factors`` are how the person proved who they are, at ``authenticated_at``."""

    id: int
    person_id: int
    name: str
    email: str
    language: str
    time_zone: str
    authenticated_at: dt.datetime
    recent_until: dt.datetime
    """Until when the last proof of who they are is fresh enough for what is delicate."""
    factors: tuple[str, ...]
    csrf_secret: bytes


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a token led to. ``session`` is ``None`` unless it is in force; ``new_token`` is to be given to the browser."""

    session: Session | None
    new_token: str | None = None


def start_session(connection: Connection, person_id: int, *, factors: Sequence[str]) -> tuple[int, str]:
    """Start a session; gives its id and its token."""
    token = secrets.token_urlsafe(32)
    values = {
        "person": person_id,
        "token": sha256(token.encode()).digest(),
        "factors": list(factors),
        "csrf": secrets.token_bytes(32),
    }
    return int(connection.execute(text(START_SESSION), values).scalar_one()), token


def find_session(connection: Connection, token: str, _settings: Settings) -> LookUp:
    """What a token leads to. The caller commits."""
    found = connection.execute(text(FIND_SESSION), {"token": sha256(token.encode()).digest()}).one_or_none()
    if found is None:
        return LookUp(None)
    values = {**found._mapping, "factors": tuple(found.factors), "csrf_secret": bytes(found.csrf_secret)}
    return LookUp(Session(recent_until=found.authenticated_at + RECENT, **values))
