"""Sealing: entries become part of a chain of hashes, in batches, after they were committed.

Whoever writes an entry waits for nobody: many processes write at once, and one sealer at a time takes what they have
committed. A batch is every entry of a range of transactions, of which all have ended; so it is known for good which
entries belong to it, and one that appears or disappears later is found. Numbers that were given out to what was rolled back
are no gap, since batches are not told by numbers. What is not sealed yet is bounded by the sealer's interval and by the
longest transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.audit import queries
from nightmail.audit.seal_hashes import LAST_TRANSACTION, Seal, chain_key, digest_of, seal_hash
from nightmail.audit.streams import stream

INTERVAL_S = 20.0
"""Seconds between two rounds of the sealer."""
STALE_S = 600.0
"""Seconds after which an entry that is not sealed needs a look."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal: kept elsewhere, it shows when the chain's end is cut off."""

    number: int
    hash: bytes
    epoch: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one round sealed."""

    entries: int
    head: Head | None
    """The newest seal there is; ``None`` before the first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries that are not sealed yet, and for how many seconds the oldest of them is not."""

    entries: int
    oldest_s: float


def unsealed(connection: Connection) -> Waiting:
    """How much is not sealed yet."""
    row = connection.execute(text(queries.UNSEALED)).one()
    return Waiting(row.entries, row.oldest_s)


def seal_entries(engine: Engine, secret_key: bytes) -> Sealed | None:
    """Seal every entry whose transaction, and all before it, have ended; ``None`` while another process does that."""
    with engine.begin() as connection:
        if not connection.scalar(text("select pg_try_advisory_xact_lock(hashtext('nightmail.audit.seal'))")):
            return None
        state = connection.execute(text(queries.SEALING_STATE)).one()
        head = None if state.number is None else Head(state.number, bytes(state.hash), state.sealed_epoch)
        key, sealed = chain_key(secret_key), 0
        for values in _batches(connection, state):
            rows = stream(connection, queries.ENTRIES_TO_SEAL, values)
            digest = digest_of(rows)
            seal = Seal(
                number=1 + (head.number if head else 0),
                **values,
                entries=digest.entries,
                first_id=digest.first_id,
                last_id=digest.last_id,
                sealed_at=connection.scalars(text("select clock_timestamp()")).one(),
                digest=digest.digest(),
            )
            made = seal_hash(seal, head.hash if head else b"", key)
            connection.execute(
                text(queries.INSERT_SEAL),
                {name: getattr(seal, name) for name in Seal.__dataclass_fields__} | {"hash": made},
            )
            head = Head(seal.number, made, seal.epoch)
            sealed += seal.entries
    return Sealed(sealed, head)


def _batches(connection: Connection, state: Any) -> Iterator[dict[str, Any]]:
    """What is to be sealed: month, epoch and range of each batch. Earlier epochs, which a restore ended, are closed."""
    first = state.sealed_epoch or 1
    for epoch in range(first, state.epoch + 1):
        values = {
            "epoch": epoch,
            "from_transaction": state.to_transaction if epoch == state.sealed_epoch else 0,
            "to_transaction": state.horizon if epoch == state.epoch else LAST_TRANSACTION,
        }
        for month in connection.scalars(text(queries.MONTHS_TO_SEAL), values).all():
            yield {"month": month, **values}
