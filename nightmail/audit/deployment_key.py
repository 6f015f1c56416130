"""The secret key of a deployment: every process has the same one, or does not start.

With another key a process would not find the opt-outs that others stored. The row of the deployment keeps the key's
fingerprint. Where it keeps none yet, the newest seal of the audit log shows whether a key is the deployment's.
"""

from __future__ import annotations

import hmac
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from nightmail.audit.seal_hashes import Seal, chain_key, seal_hash
from nightmail.errors import ConfigurationError

_FINGERPRINT_BYTES = 8
_NEWEST_SEALS = "select * from audit_seal order by number desc limit 2"


def key_fingerprint(key: bytes) -> str:
    """What shows that two keys are the same and gives neither away."""
    return hmac.digest(key, b"nightmail key fingerprint", "sha256")[:_FINGERPRINT_BYTES].hex()


def require_key(engine: Engine, key: bytes) -> str:
    """Return the key's fingerprint when the key is the deployment's; the first process states it.

    Raises :class:`ConfigurationError` (``secret_key_other``, ``database_not_upgraded``).
    """
    given = key_fingerprint(key)
    try:
        with engine.begin() as connection:
            kept = connection.scalar(text("select key_fingerprint from deployment"))
            if kept is None:
                _refuse_other_seal(connection, key, given)
                kept = connection.scalar(text("select keep_key(:fingerprint)"), {"fingerprint": given})
    except ProgrammingError as error:
        if isinstance(error.orig, (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable)):
            raise ConfigurationError("database_not_upgraded") from error
        raise
    if kept != given:
        raise ConfigurationError("secret_key_other", kept=kept, given=given)
    return given


def _refuse_other_seal(connection: Connection, key: bytes, given: str) -> None:
    rows: list[Any] = list(connection.execute(text(_NEWEST_SEALS)))
    if not rows:
        return
    newest = rows[0]
    seal = Seal(
        **{name: getattr(newest, name) for name in Seal.__dataclass_fields__} | {"digest": bytes(newest.digest)}
    )
    former = bytes(rows[1].hash) if len(rows) > 1 else b""
    if seal_hash(seal, former, chain_key(key)) != bytes(newest.hash):
        raise ConfigurationError("secret_key_other", kept="the one that sealed the audit log", given=given)
