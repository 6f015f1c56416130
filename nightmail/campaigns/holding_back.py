"""The seconds in which a send that was made by hand can be undone: before the first hand-off, as its team's ``hold_back_s`` has it.

A campaign that is held back is ``scheduled`` until ``held_until``, a time in the database: every sender takes from ``sending`` alone, so
that none can begin earlier, after a restart either.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.queries import MAKER_OF_CAMPAIGN
from nightmail.organisation.team_settings import hold_back_seconds

BY_HAND = frozenset({"portal", "command", "list", "segment"})
"""Sources of campaigns behind which a person stands, unless a program made them: what these and schedules send goes at once."""
_PROGRAM = "key:"


def maker_of(connection: Connection, campaign: CampaignRow) -> str:
    """Who made a campaign, as the audit log names them; empty where it is not known any more."""
    return str(connection.scalar(text(MAKER_OF_CAMPAIGN), {"key": campaign.key}) or "")


def hold_back(connection: Connection, campaign: CampaignRow, now: dt.datetime) -> CampaignRow:
    """Hold a campaign back that is let go now, where its team wants that; returns it as it is then.

    It is held back once. One whose start is later than that is not held back: there is time until then.
    """
    if campaign.source not in BY_HAND or campaign.trial or campaign.frozen or campaign.held_until is not None:
        return campaign
    seconds = hold_back_seconds(connection, campaign.team)
    until = now + dt.timedelta(seconds=seconds)
    if not seconds or maker_of(connection, campaign).startswith(_PROGRAM):
        return campaign
    if campaign.scheduled_at is not None and campaign.scheduled_at >= until:
        return campaign
    connection.execute(
        text("update campaign set held_until = :until where id = :id"), {"until": until, "id": campaign.id}
    )
    return get_campaign(connection, campaign.id)
