"""How far a campaign is, for progress bars, and for those who wait for its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.reports import queries

UNSETTLED = ("queued", "handing_over", "standby", "in_doubt")
"""States of messages that may still change."""
_ENDS = sorted(str(status) for status in REACHED | NOT_REACHED)


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """Messages of a campaign: by state, and of the accepted ones those whose receipts say how they ended."""

    states: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    not_arrived: int = 0

    @property
    def messages(self) -> int:
        """The number of messages of the campaign."""
        return sum(self.states.values())

    @property
    def unsettled(self) -> int:
        """The number of messages whose hand-off may still come, or is in doubt."""
        return sum(self.states.get(state, 0) for state in UNSETTLED)

    @property
    def awaiting_receipt(self) -> int:
        """The number of accepted messages of which no receipt says how they ended."""
        return self.states.get("accepted", 0) - self.arrived - self.not_arrived


def campaign_progress(connection: Connection, campaign_id: int) -> CampaignProgress:
    """Return how far a campaign is, of any size, by the sums that are kept with each change of a message."""
    rows = connection.execute(text(queries.PROGRESS), {"id": campaign_id, "ends": _ENDS}).all()
    return _progress(rows)


def progress_of(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, CampaignProgress]:
    """How far each of several campaigns is, by one query; a campaign without messages is left out."""
    values = {"ids": list(campaign_ids), "ends": _ENDS}
    found: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(text(queries.PROGRESS_OF_MANY), values):
        found.setdefault(row.campaign_id, []).append(row)
    return {campaign: _progress(rows) for campaign, rows in found.items()}


def _progress(rows: Iterable[Row[Any]]) -> CampaignProgress:
    states: dict[str, int] = {}
    arrived = not_arrived = 0
    for row in rows:
        states[row.state] = states.get(row.state, 0) + row.messages
        if row.state == "accepted" and row.ended is not None:
            if row.ended in NOT_REACHED:
                not_arrived += row.messages
            else:
                arrived += row.messages
    return CampaignProgress(states, arrived, not_arrived)
