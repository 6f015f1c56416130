"""What the audit log says of a campaign that was made up: by nobody but the demonstration, and for which time it stands.

Nothing that works with the database can write an entry for another time than the present, and neither can this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from nightmail.audit import Entry, write_entries
from nightmail.campaigns.campaign_rows import SEEDED, CampaignRow
from nightmail.demonstration import ACTOR
from nightmail.store.states import CampaignState

_BEFORE_ALL = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass
class History:
    """Entries, in the order of time."""

    entries: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    last_at: dt.datetime = _BEFORE_ALL

    def add(self, at: dt.datetime, action: str, **detail: Any) -> None:
        """Note that ``action`` was done to the campaign; the entry says that it was made up."""
        self.entries.append((action, {SEEDED: True, "as_of": f"{at:%Y-%m-%dT%H:%M:%SZ}", **detail}))
        self.last_at = max(self.last_at, at)

    def moves(
        self, loaded: dt.datetime, end: CampaignState, handed_off: Sequence[dt.datetime], starts_at: dt.datetime
    ) -> None:
        """Note the states that a campaign went through on its way to ``end``; ``handed_off`` are its hand-offs' times."""
        if end in (CampaignState.AWAITING_APPROVAL, CampaignState.SCHEDULED):
            self.add(max(loaded, self.last_at), f"campaign.{end}")
            return
        self.add(max(starts_at, self.last_at), f"campaign.{CampaignState.SENDING}")
        if end is CampaignState.SENDING:
            return
        self.add(max(self.last_at, *handed_off[-1:]) + dt.timedelta(seconds=2), f"campaign.{end}")

    def write(self, connection: Connection, campaign: CampaignRow) -> None:
        """Write all of it to the audit log."""
        write_entries(
            connection,
            [
                Entry(actor=ACTOR, action=action, subject=campaign.key, team_id=campaign.team_id, detail=detail)
                for action, detail in self.entries
            ],
        )
