"""What carriers and recipients say: stored once each, in any order, and acted upon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nightmail.sending.carrier import Receipt, Reply


@dataclass(frozen=True, slots=True)
class ReceiptsTaken:
    """What became of a batch of receipts."""

    taken: int
    repeated: int
    unattached: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class RepliesTaken:
    """What became of a batch of replies."""

    taken: int
    repeated: int
    opted_out: int
    opted_in: int


def take_receipts(engine: Engine, receipts: Sequence[Receipt], *, hash_key: bytes) -> ReceiptsTaken:
    """Store receipts and apply them to their messages; commits before it returns."""
    raise NotImplementedError


def take_replies(engine: Engine, replies: Sequence[Reply], *, hash_key: bytes) -> RepliesTaken:
    """Store replies, tie them to the messages they answer, and obey STOP and START; commits before it returns."""
    raise NotImplementedError
