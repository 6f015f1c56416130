"""What time and receipts have decided: dead senders, cut-offs, standby messages, finished campaigns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one advance did."""

    released: int
    """Scheduled campaigns that began."""
    in_doubt: int
    """Messages whose sender died between intent and outcome."""
    expired: int
    promoted: int
    not_needed: int
    finished: tuple[str, ...]
    """Keys of campaigns that finished."""


def advance_ledger(engine: Engine) -> Advanced:
    """Move everything on that time or receipts have decided. Cheap when there is nothing; one process at a time works.

    Sensors call it at every tick (it also releases scheduled campaigns), and senders while they run.
    """
    raise NotImplementedError
