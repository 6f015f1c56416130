"""Which carrier accounts and senders a campaign's messages may go over."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.organisation.routes import Route, routes_of_team


def routes_of(connection: Connection, campaign: CampaignRow, channel: str) -> list[Route]:
    """The routes that a campaign's messages of a channel may take, the preferred one first; empty when there is none."""
    return routes_of_team(connection, campaign.team, channel, (campaign.settings.get("senders") or {}).get(channel))
