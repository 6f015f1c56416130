"""What somebody was shown before they sent, kept with the campaign: what goes out is never more than that.

Between the look and the preparation a consent may have been given, a suppression lifted, a price raised. Fewer messages are no
harm: who opted out meanwhile is held. More people or a higher cost than were shown wait for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.reasons.problems import stated_problem

SHOWN = "shown"
"""Where it stands in the campaign's counts: ``planned`` and ``costs``."""


def more_than_shown(campaign: CampaignRow) -> dict[str, str] | None:
    """Why a campaign waits that has grown since it was looked at: ``reason``, ``message``, ``remedy``; ``None`` when it has not."""
    shown: Mapping[str, Any] | None = campaign.counts.get(SHOWN)
    if shown is None:
        return None
    planned = int(campaign.counts.get("planned", 0))
    if planned > int(shown["planned"]):
        return stated_problem(
            "more_than_shown", campaign=campaign.key, now=f"{planned} people", then=f"{shown['planned']} people"
        )
    for currency, amount in (campaign.counts.get("costs") or {}).items():
        then = Decimal(str(shown["costs"].get(currency, 0)))
        if Decimal(str(amount)) > then:
            return stated_problem(
                "more_than_shown", campaign=campaign.key, now=f"{amount} {currency}", then=f"{then} {currency}"
            )
    return None
