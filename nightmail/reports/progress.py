"""How far campaigns are, read from the ledger: for progress bars and for whoever waits for the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.message_ids import campaign_keys

UNSETTLED = ("queued", "handing_over", "standby", "in_doubt")
"""States of messages that may still change."""
_ENDS = sorted(str(status) for status in REACHED | NOT_REACHED)


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """Messages of a campaign: by state, and of the accepted ones those whose receipts said how they ended."""

    states: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    not_arrived: int = 0

    @property
    def messages(self) -> int:
        """All messages of the campaign."""
        return sum(self.states.values())

    @property
    def unsettled(self) -> int:
        """Messages whose hand-off may still come, or is not known."""
        return sum(self.states.get(state, 0) for state in UNSETTLED)

    @property
    def awaiting_receipt(self) -> int:
        """Accepted messages of which no receipt has said how they ended."""
        return self.states.get("accepted", 0) - self.arrived - self.not_arrived


def campaign_progress(connection: Connection, campaign_id: int) -> CampaignProgress:
    """One query over the campaign's part of the ledger."""
    first, last = campaign_keys(campaign_id)
    rows = connection.execute(
        text(
            "select state, case when delivery = any(:ends) then delivery end as ended, count(*) as messages "
            "from message where ledger_month = (select ledger_month from campaign where id = :id) "
            "and message_key between :first and :last group by 1, 2"
        ),
        {"id": campaign_id, "first": first, "last": last, "ends": _ENDS},
    ).all()
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
