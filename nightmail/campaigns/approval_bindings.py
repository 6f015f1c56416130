"""What an approval is bound to: a campaign's content, audience, cost and times, as they are in the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.queries import BOUND_COSTS, BOUND_MESSAGES
from nightmail.message_ids import campaign_keys

PARTS = ("template", "content", "audience", "cost", "times", "route")
"""What is compared, and named when it differs."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What is approved. ``parts`` are what people are shown and what is compared; ``hash`` is that of all of them."""

    parts: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 of the parts, as hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.parts, sort_keys=True).encode()).hexdigest()

    def different(self, bound: Mapping[str, Any]) -> tuple[str, ...]:
        """Which parts are not as they were bound."""
        return tuple(part for part in PARTS if json.loads(json.dumps(self.parts[part])) != bound.get(part))


def binding_of(connection: Connection, campaign: CampaignRow) -> Binding:
    """What would be approved now. The hashes cover every message of the ledger, with its address and texts.

    A message's state is not part of it: one that is held meanwhile is not sent, which needs no approval.
    """
    first, last = campaign_keys(campaign.id)
    values = {"month": campaign.ledger_month, "first": first, "last": last}
    found = connection.execute(text(BOUND_MESSAGES), values).one()
    costs = connection.execute(text(BOUND_COSTS), values).all()
    return Binding(
        {
            "template": campaign.template_version_id,
            "content": found.content,
            "audience": {"messages": found.messages, "contacts": found.contacts, "hash": found.audience},
            "cost": {row.currency or "": f"{row.amount:f}" for row in costs} | {"segments": int(found.segments)},
            "times": {
                "start": _written(campaign.scheduled_at),
                "local_start": _written(campaign.local_start),
                "cut_off": _written(campaign.cut_off_at),
            },
            "route": {"category": campaign.category_id, "senders": campaign.settings.get("senders")},
        }
    )


def _written(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat()
