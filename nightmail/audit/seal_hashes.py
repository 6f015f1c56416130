"""What a seal is computed from: its entries, its own row, and the seal before it."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LAST_TRANSACTION = 2**63 - 1
"""Up to where the last seal of an epoch reaches, which a restore ended."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One row of the chain, but for its hash. Of ``epoch`` and ``month`` it covers the transactions from, but not to, two numbers."""

    number: int
    month: dt.date
    epoch: int
    from_transaction: int
    to_transaction: int
    entries: int
    first_id: int
    last_id: int
    sealed_at: dt.datetime
    digest: bytes


def chain_key(secret_key: bytes) -> bytes:
    """The key of the chain, of the deployment's secret key."""
    return hmac.digest(secret_key, b"nightmail audit chain", "sha256")


def seal_hash(seal: Seal, former: bytes, key: bytes) -> bytes:
    """The hash of a seal after the one whose hash is ``former`` (empty for the first)."""
    fields = [
        *(seal.number, seal.month.isoformat(), seal.epoch, seal.from_transaction, seal.to_transaction),
        *(seal.entries, seal.first_id, seal.last_id, _time(seal.sealed_at), seal.digest.hex(), former.hex()),
    ]
    return hmac.digest(key, json.dumps(fields).encode(), "sha256")


class EntriesDigest:
    """The digest of entries, added one after the other."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.entries = 0
        self.first_id = 0
        self.last_id = 0

    def add(self, row: Any) -> None:
        """Take one more entry: a row with the columns that seals cover."""
        values = [
            *(row.month.isoformat(), row.id, _time(row.at), row.actor, row.action, row.object, row.team_id, row.detail),
            *(row.origin, row.before, row.after, row.epoch, row.transaction),
        ]
        line = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._hash.update(len(line).to_bytes(8, "big"))
        self._hash.update(line)
        self.first_id = self.first_id or row.id
        self.last_id = row.id
        self.entries += 1

    def digest(self) -> bytes:
        """The digest of what was added."""
        return self._hash.digest()


def digest_of(rows: Iterable[Any]) -> EntriesDigest:
    """The digest of rows."""
    made = EntriesDigest()
    for row in rows:
        made.add(row)
    return made


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
