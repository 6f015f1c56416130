"""Which suspensions hold a campaign: the channels that it has messages on, and what stops them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.campaigns.queries import WAYS_OF_CHANNELS
from nightmail.campaigns.suspensions import SuspensionRow, list_suspensions
from nightmail.organisation.team_settings import falls
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
    """The channels that a campaign is to use and that suspensions hold, by name; of one that is over, none.

    A statement to see that nothing is suspended, and one more where something is.
    """
    if campaign.state in _OVER:
        return []
    suspensions = {each.id: each for each in list_suspensions(connection)}
    if not suspensions:
        return []
    ways = connection.execute(text(WAYS_OF_CHANNELS), {"id": campaign.id, "channels": _channels(campaign)})
    held = []
    for channel, of_channel in groupby(ways, key=lambda way: str(way.channel)):
        each_way = list(of_channel)
        stops = {id_: suspensions[id_] for way in each_way for id_ in way.stopped_by if id_ in suspensions}
        if stops:
            held.append(
                HeldChannel(
                    channel,
                    tuple(sorted(stops.values(), key=lambda each: each.since)),
                    any(not way.stopped_by for way in each_way),
                    falls(each_way[0].when_suspended, channel),
                )
            )
    return held


def _channels(campaign: CampaignRow) -> list[str] | None:
    """The channels that a campaign would use, before there are messages; ``None``: those with messages that wait."""
    if campaign.loaded_at is not None:
        return None
    return list(
        campaign.counts.get("settings_used", {}).get("channels_used") or campaign.settings.get("channels") or ()
    )
