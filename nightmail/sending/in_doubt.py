"""Messages in doubt: settled by receipts, by the carrier's records or by a person; never by sending again blindly."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine

from nightmail.sending.routes import CarrierFactory


class Decision(StrEnum):
    """What a person decides about a message in doubt."""

    ACCEPTED = "accepted"
    FAILED = "failed"
    RESEND = "resend"


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one look at the messages in doubt did."""

    looked_up: int
    accepted: int
    resent: int
    left: int


def resolve_in_doubt(engine: Engine, carriers: CarrierFactory, *, limit: int = 500) -> Resolved:
    """Look messages in doubt up at their carriers and settle those that are found there."""
    raise NotImplementedError


def decide(engine: Engine, message_id: str, decision: Decision, *, actor: str) -> None:
    """A person's decision about one message in doubt, with an audit row.

    Raises :class:`nightmail.errors.UsageError` (``message_unknown``, ``message_not_in_doubt``).
    """
    raise NotImplementedError
