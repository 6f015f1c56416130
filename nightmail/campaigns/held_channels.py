"""Which suspensions hold a campaign: the channels that it has messages on, and what stops them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.queries import CHANNELS_TO_GO
from nightmail.campaigns.suspensions import SuspensionRow, list_suspensions
from nightmail.organisation.team_settings import falls_when_suspended
from nightmail.organisation.teams import team_ids_upwards
from nightmail.store.states import CampaignState

_OVER = frozenset((CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.STOPPED))


@dataclass(frozen=True, slots=True)
class HeldChannel:
    """A channel of a campaign with ways that suspensions stop."""

    channel: str
    suspensions: tuple[SuspensionRow, ...]
    """What stops them, the oldest first."""
    usable: bool
    """Whether another account or sender of the channel takes the messages meanwhile."""
    falls: bool
    """Whether due messages fall to the contact's next channel where none does, rather than wait."""


def held_channels(connection: Connection, campaign: CampaignRow) -> list[HeldChannel]:
    """The channels that a campaign is to use and that suspensions hold, by name; of one that is over, none."""
    suspensions = list_suspensions(connection)
    if not suspensions or campaign.state in _OVER:
        return []
    teams = team_ids_upwards(connection, campaign.team)
    held = []
    for channel in _channels(connection, campaign):
        routes = routes_of(connection, campaign, channel)
        stops = {each.id: each for route in routes for each in suspensions if each.stops(route, teams)}
        if stops:
            held.append(
                HeldChannel(
                    channel,
                    tuple(sorted(stops.values(), key=lambda each: each.since)),
                    any(not any(each.stops(route, teams) for each in suspensions) for route in routes),
                    falls_when_suspended(connection, campaign.team, channel),
                )
            )
    return held


def _channels(connection: Connection, campaign: CampaignRow) -> list[str]:
    """The channels with messages that wait; before there are any, those that the campaign would use."""
    if campaign.loaded_at is None:
        used = campaign.counts.get("settings_used", {}).get("channels_used") or campaign.settings.get("channels") or ()
        return sorted(used)
    return list(connection.scalars(text(CHANNELS_TO_GO), {"id": campaign.id}))
