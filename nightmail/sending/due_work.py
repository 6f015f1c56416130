"""How much senders have to do, for the sensor that keeps them running."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.sending.queries import DUE_WORK


@dataclass(frozen=True, slots=True)
class DueWork:
    """What senders would find now."""

    campaigns: int
    """Campaigns in state ``sending`` with at least one due message that may be handed off."""
    messages: int
    """Due messages, counted up to ``limit`` per campaign."""
    senders: int
    """Senders at work."""


def due_work(connection: Connection, limit: int = 1000) -> DueWork:
    """Count what senders have to do: two bounded, indexed queries, cheap enough for every sensor tick.

    Messages that only wait do not count: for a suspension to be lifted, for a carrier account or a sender on it, for a
    long ``Retry-After``.
    """
    row = connection.execute(text(DUE_WORK), {"limit": limit}).one()
    senders = connection.scalar(text("select count(*) from sender_run where finished_at is null"))
    return DueWork(int(row.campaigns), int(row.messages), int(senders or 0))
