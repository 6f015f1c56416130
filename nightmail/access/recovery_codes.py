"""Recovery codes: ten, each good once in the place of a second factor, shown once when they are made.

A code has 80 random bits and is kept as a keyed hash, bound to its person.
"""

from __future__ import annotations

import datetime as dt
import secrets

from sqlalchemy import Connection, delete, insert, text

from nightmail.access.login_queries import USE_RECOVERY_CODE
from nightmail.privacy.sealing import keyed_digest
from nightmail.store.clock import database_time
from nightmail.store.tables import RecoveryCode

CODES = 10
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no two signs that look alike."""
_LOOK_ALIKES = str.maketrans({"O": "0", "I": "1", "L": "1", "U": "V"})
_GROUPS = 4
_GROUP = 4
_PURPOSE = "recovery codes"


def make_codes(connection: Connection, person_id: int, *, key: bytes) -> list[str]:
    """Ten new codes such as ``7QK2-M9XA-0CDE-RT4Z``; those from before are void."""
    codes = [_code() for _ in range(CODES)]
    connection.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    connection.execute(
        insert(RecoveryCode),
        [{"person_id": person_id, "code_hash": _digest(code, person_id, key)} for code in codes],
    )
    return codes


def use_recovery_code(
    connection: Connection, person_id: int, code: str, *, key: bytes, now: dt.datetime | None = None
) -> bool:
    """Whether ``code`` is one of the person's that was not used; it is with this. Case, spaces and hyphens do not matter."""
    if len(code) > 100:
        return False
    now = now or database_time(connection)
    values = {"person": person_id, "hash": _digest(code, person_id, key), "now": now}
    return connection.scalar(text(USE_RECOVERY_CODE), values) is not None


def _code() -> str:
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _digest(code: str, person_id: int, key: bytes) -> bytes:
    written = "".join(sign for sign in code.upper() if sign.isalnum()).translate(_LOOK_ALIKES)
    return keyed_digest(f"{person_id}:{written}", key, _PURPOSE)
