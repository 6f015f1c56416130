"""What stands between two steps of a login: kept in the database, known by a token that only the browser has.

A step is taken once and lasts minutes. Nothing of it is a login: whoever has the token alone has proved nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.login_queries import DELETE_OLD_STEPS, KEEP_STEP, READ_STEP, TAKE_STEP
from nightmail.store.clock import database_time

LASTS = dt.timedelta(minutes=10)


class StepKind(StrEnum):
    """Which step waits."""

    SECOND_FACTOR = "second_factor"
    """The first factor was right."""
    PASSKEY_LOGIN = "passkey_login"
    PASSKEY_NEW = "passkey_new"
    TOTP_NEW = "totp_new"
    PROVIDER = "provider"
    """The browser is at the identity provider."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that waits."""

    person_id: int | None
    payload: Mapping[str, Any]


def keep_step(
    connection: Connection,
    kind: StepKind,
    payload: Mapping[str, Any],
    *,
    person_id: int | None = None,
    now: dt.datetime | None = None,
) -> str:
    """Keep a step; gives its token. ``payload`` is JSON-ready and holds no secret of the person's."""
    now = now or database_time(connection)
    token = secrets.token_urlsafe(32)
    connection.execute(
        text(KEEP_STEP),
        {
            "token": _hash(token),
            "kind": kind,
            "person": person_id,
            "payload": json.dumps(dict(payload)),
            "now": now,
            "expires": now + LASTS,
        },
    )
    return token


def read_step(connection: Connection, kind: StepKind, token: str, *, now: dt.datetime | None = None) -> Step | None:
    """The step of a token, which goes on waiting; ``None`` where there is none, or its time is over."""
    return _step(connection, READ_STEP, kind, token, now)


def take_step(connection: Connection, kind: StepKind, token: str, *, now: dt.datetime | None = None) -> Step | None:
    """The step of a token, which is over with this; ``None`` where there is none, or it was taken before."""
    return _step(connection, TAKE_STEP, kind, token, now)


def delete_old_steps(engine: Engine) -> None:
    """Delete steps whose time is over."""
    with engine.begin() as connection:
        connection.execute(text(DELETE_OLD_STEPS))


def _step(connection: Connection, statement: str, kind: StepKind, token: str, now: dt.datetime | None) -> Step | None:
    if not token or len(token) > 100:
        return None
    now = now or database_time(connection)
    row = connection.execute(text(statement), {"token": _hash(token), "kind": kind, "now": now}).one_or_none()
    return None if row is None else Step(row.person_id, row.payload)


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
