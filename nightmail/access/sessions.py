"""Sessions of people: a login, kept in the database and known by a token that only the browser has.

A token reads ``<family>.<secret>``. The family stays the same for as long as the session lives; the secret is new at each
rotation: every :data:`ROTATED_AFTER`, when the person proves again who they are, and when their rights change. What the
database keeps are SHA-256 hashes of both: there are 256 random bits to guess.

A token that was rotated away goes on for :data:`GRACE`, as requests that were under way carry it, and until the browser has
shown that the new one arrived. When it comes again after that, somebody has a copy: the session ends, whoever came.
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.authentication_policy import ORDINARY_RULES, LoginRules, login_rules
from nightmail.access.session_queries import (
    DELETE_OLD_SESSIONS,
    END_SESSION,
    END_SESSIONS_OF_PERSON,
    PROVED_AGAIN,
    ROTATE_SESSION,
    SESSION_OF_FAMILY,
    SESSION_SEEN,
    SESSIONS_OF_PERSON,
    START_SESSION,
)
from nightmail.audit import write_entry
from nightmail.settings import Settings
from nightmail.store.clock import database_time

ROTATED_AFTER = dt.timedelta(minutes=15)
GRACE = dt.timedelta(seconds=60)
SEEN_EVERY = dt.timedelta(seconds=60)
"""How often a session in use is written to."""
KEPT_DAYS = 30
"""Days for which an ended session is kept, so that its token is told what became of it."""
_FORM = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")
_MOST_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force and whose it is. ``factors`` are how the person proved who they are, at ``authenticated_at``."""

    id: int
    person_id: int
    name: str
    email: str
    language: str
    time_zone: str
    created_at: dt.datetime
    expires_at: dt.datetime
    authenticated_at: dt.datetime
    recent_until: dt.datetime
    """Until when the last proof of who they are is fresh enough for what is delicate."""
    recent: bool
    """Whether that is so now, by the database's clock."""
    factors: tuple[str, ...]
    csrf_secret: bytes


@dataclass(frozen=True, slots=True)
class LookUp:
    """What a token led to. ``session`` is ``None`` unless it is in force.

    ``new_token`` is to be given to the browser in the answer. ``ended`` says why a session is over: ``idle``, ``expired``,
    ``disabled``, ``stolen``, ``rules`` (a team demands more now), or who ended it; ``None`` where there never was one. With ``stolen_now``
    this very request has shown that the token was copied, and a person must be alerted.
    """

    session: Session | None
    new_token: str | None = None
    ended: str | None = None
    person_id: int | None = None
    stolen_now: bool = False


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its owner and administrators see it."""

    id: int
    person_id: int
    created_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime
    authenticated_at: dt.datetime
    factors: tuple[str, ...]
    address: str | None
    user_agent: str | None


def start_session(
    connection: Connection,
    person_id: int,
    *,
    factors: Sequence[str],
    rules: LoginRules = ORDINARY_RULES,
    address: str | None = None,
    user_agent: str | None = None,
    now: dt.datetime | None = None,
) -> tuple[int, str]:
    """Start a session; gives its id and its token, which is always a new one: a token that a browser brought is never used."""
    now = now or database_time(connection)
    family, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    values = {
        "family": _hash(family),
        "token": _hash(f"{family}.{secret}"),
        "person": person_id,
        "now": now,
        "idle_until": now + min(rules.idle, rules.whole),
        "expires_at": now + rules.whole,
        "factors": sorted(set(factors)),
        "address": address,
        "user_agent": (user_agent or "")[:_MOST_USER_AGENT] or None,
        "csrf": secrets.token_bytes(32),
        "recent_s": int(rules.recent.total_seconds()),
    }
    return int(connection.execute(text(START_SESSION), values).scalar_one()), f"{family}.{secret}"


def find_session(connection: Connection, token: str, settings: Settings, *, now: dt.datetime | None = None) -> LookUp:
    """What a token leads to; the session is seen, and rotated when it is due. The caller commits.

    What the person's teams demand of a login is looked at each time that the session is written to: a rule that was made
    stricter ends sessions that do not keep it within a minute.
    """
    match = _FORM.fullmatch(token)
    if match is None:
        return LookUp(None)
    row = connection.execute(text(SESSION_OF_FAMILY), {"family": _hash(match[1])}).one_or_none()
    if row is None:
        return LookUp(None)
    now = now or row.asked_at
    came = _hash(token)
    current = hmac.compare_digest(came, bytes(row.token_hash))
    earlier = row.previous_token_hash is not None and hmac.compare_digest(came, bytes(row.previous_token_hash))
    over = _over(row, now)
    if over is not None:
        # Who ended it is told to its holder alone.
        return LookUp(None, ended=over if current or earlier else None, person_id=row.person_id)
    # A new token that never came back may have been lost with its answer.
    if not current and not (earlier and (row.token_seen_at is None or now <= row.rotated_at + GRACE)):
        _end_stolen(connection, row, now)
        return LookUp(None, ended="stolen", person_id=row.person_id, stolen_now=True)
    rotate = _to_be_rotated(row, current=current, now=now)
    recent = dt.timedelta(seconds=row.recent_s)
    if rotate or now - row.last_seen_at >= SEEN_EVERY or (current and row.token_seen_at is None):
        rules = login_rules(connection, row.person_id, settings)
        if not rules.satisfied_by(row.factors) or now >= row.created_at + rules.whole:
            end_session(connection, row.id, ended_by="rules", now=now)
            return LookUp(None, ended="rules", person_id=row.person_id)
        seen = {"id": row.id, "now": now, "current": current, "idle_until": now + rules.idle}
        connection.execute(text(SESSION_SEEN), {**seen, "recent_s": int(rules.recent.total_seconds())})
        recent = rules.recent
    new_token = _rotated(connection, row, match[1], came, now) if rotate else None
    return LookUp(_session(row, recent, now), new_token, person_id=row.person_id)


def rotate_soon(connection: Connection, person_id: int) -> None:
    """Have each session of a person take a new token at its next request: their rights have changed."""
    connection.execute(
        text("update person_session set rotation_due = true where person_id = :person and ended_at is null"),
        {"person": person_id},
    )


def proved_again(
    connection: Connection, session_id: int, factors: Sequence[str], *, now: dt.datetime | None = None
) -> None:
    """Keep that the person has proved again who they are; the session takes a new token."""
    now = now or database_time(connection)
    connection.execute(text(PROVED_AGAIN), {"id": session_id, "now": now, "factors": list(factors)})


def end_session(
    connection: Connection,
    session_id: int,
    *,
    ended_by: str,
    now: dt.datetime | None = None,
    action: str = "session.ended",
) -> bool:
    """End a session, with an audit entry; false where it had ended before."""
    now = now or database_time(connection)
    person = connection.scalar(text(END_SESSION), {"id": session_id, "by": ended_by, "now": now})
    if person is None:
        return False
    write_entry(connection, actor=ended_by, action=action, subject=f"person:{person}", detail={"session": session_id})
    return True


def end_sessions(
    connection: Connection, person_id: int, *, ended_by: str, but: int | None = None, now: dt.datetime | None = None
) -> int:
    """End the sessions of a person, ``but`` one where it is given; gives how many there were."""
    now = now or database_time(connection)
    values = {"person": person_id, "by": ended_by, "but": but, "now": now}
    ended = list(connection.scalars(text(END_SESSIONS_OF_PERSON), values))
    if ended:
        write_entry(
            connection,
            actor=ended_by,
            action="session.ended",
            subject=f"person:{person_id}",
            detail={"sessions": sorted(ended)},
        )
    return len(ended)


def list_sessions(connection: Connection, person_id: int, *, now: dt.datetime | None = None) -> list[ListedSession]:
    """The sessions of a person that are in force, the one last seen first; at most 200."""
    rows = connection.execute(text(SESSIONS_OF_PERSON), {"person": person_id, "now": now})
    return [ListedSession(**{**row._mapping, "factors": tuple(row.factors)}) for row in rows]


def delete_old_sessions(engine: Engine) -> None:
    """Delete sessions that ended more than :data:`KEPT_DAYS` ago."""
    with engine.begin() as connection:
        connection.execute(text(DELETE_OLD_SESSIONS), {"days": KEPT_DAYS})


def _over(row: Any, now: dt.datetime) -> str | None:
    """Why a session is over; ``None`` while it is in force."""
    if row.ended_at is not None:
        return str(row.ended_by)
    if row.person_state != "active":
        return "disabled"
    if now >= row.expires_at:
        return "expired"
    return "idle" if now >= row.idle_until else None


def _to_be_rotated(row: Any, *, current: bool, now: dt.datetime) -> bool:
    # Within the grace another answer is on its way with the new token.
    due: bool = row.rotation_due or now - row.rotated_at >= ROTATED_AFTER if current else now > row.rotated_at + GRACE
    return due


def _rotated(connection: Connection, row: Any, family: str, came: bytes, now: dt.datetime) -> str | None:
    """The new token; ``None`` where a request at the same moment was first."""
    token = f"{family}.{secrets.token_urlsafe(32)}"
    values = {"id": row.id, "new": _hash(token), "came": came, "current": bytes(row.token_hash), "now": now}
    return token if connection.scalar(text(ROTATE_SESSION), values) is not None else None


def _end_stolen(connection: Connection, row: Any, now: dt.datetime) -> None:
    connection.execute(text(END_SESSION), {"id": row.id, "by": "stolen", "now": now})
    write_entry(
        connection,
        actor="portal",
        action="session.stolen",
        subject=f"person:{row.person_id}",
        detail={"session": row.id},
    )


def _session(row: Any, recent: dt.timedelta, now: dt.datetime) -> Session:
    return Session(
        id=row.id,
        person_id=row.person_id,
        name=row.name,
        email=row.email,
        language=row.language,
        time_zone=row.time_zone,
        created_at=row.created_at,
        expires_at=row.expires_at,
        authenticated_at=row.authenticated_at,
        recent_until=row.authenticated_at + recent,
        recent=now < row.authenticated_at + recent,
        factors=tuple(row.factors),
        csrf_secret=bytes(row.csrf_secret),
    )


def _hash(text_: str) -> bytes:
    return sha256(text_.encode()).digest()
