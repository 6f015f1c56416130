"""Senders: each drains due messages of all campaigns from the ledger, fairly and urgent first, until nothing is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from sqlalchemy import Engine

from nightmail.sending.routes import CarrierFactory


@dataclass(frozen=True, kw_only=True)
class SenderOptions:
    """How one sender works. The defaults are the product's."""

    hash_key: bytes = field(repr=False)
    public_url: str | None = None
    """The portal's address, for one-click unsubscribing; nothing is added without it."""
    dagster_run_id: str | None = None
    idle_s: float = 1.0
    """How long a sender waits for more when nothing is due, before it ends."""
    maximum_s: float | None = None
    """Ends after so many seconds even if there is more to do."""


@dataclass(frozen=True, slots=True)
class DrainSummary:
    """What one sender did: counts by outcome, free of personal data."""

    sender_run_id: int
    handed_off: int
    accepted: int
    rejected: int
    retried: int
    in_doubt: int
    held: int
    seconds: float


def drain(
    engine: Engine,
    carriers: CarrierFactory,
    options: SenderOptions,
    *,
    stop: Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> DrainSummary:
    """Hand off what is due until nothing is due. Safe to run in any number of processes at once.

    ``progress`` gets the number of messages handed off so far. ``stop`` ends it early, between hand-offs.
    """
    raise NotImplementedError
