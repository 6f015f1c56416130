"""The ledger of a campaign: loaded from its messages, frozen by the first hand-off, written out as ``sends``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine

from nightmail.lake import TableFile
from nightmail.store.states import CampaignState


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading a ledger did."""

    campaign: str
    state: CampaignState
    messages: int
    queued: int
    standby: int
    already_loaded: bool
    """The ledger was there (a rerun): nothing was changed."""
    finishes_by: dt.datetime | None
    """When the last message goes at the carriers' allowed rate."""
    late: bool
    """Whether that is after the campaign's cut-off."""


def load_ledger(
    engine: Engine,
    campaign: str | int,
    messages: TableFile,
    audience: TableFile,
    *,
    actor: str,
    needs_approval: bool = False,
) -> Loaded:
    """Load ``messages`` into the ledger and move the campaign on from ``checking``, in one transaction.

    Loading again changes nothing once a message was handed off or the campaign moved on.
    """
    raise NotImplementedError


def write_sends(engine: Engine, campaign: str | int, sends: TableFile) -> dict[str, int]:
    """Write the campaign's ledger to ``sends``; gives the messages by state."""
    raise NotImplementedError
