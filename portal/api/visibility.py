"""What a key's team may see: its own and what is below it in the tree. Anything else does not exist for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from sqlalchemy import Connection

from nightmail.access.api_keys import Program
from nightmail.campaigns.campaign_rows import CampaignRow, find_campaign
from nightmail.organisation.stored_feeds import FeedRow, feed_by_name, feed_unknown
from nightmail.organisation.teams import find_team, is_at_or_below, top_team_paths
from portal.problems import RequestError

CampaignKey = Annotated[
    str,
    Path(
        max_length=250,
        pattern=r"^[0-9a-z_.\-]+$",
        description="The campaign's key, as the answer to an upload names it",
        examples=["2026-11-23.acme.billing.7f3a9c"],
    ),
]

FEED_PATTERN = r"^([a-z0-9_]+(\.[a-z0-9_]+)*/)?[^/\x00]{1,100}$"
FEED_DESCRIPTION = (
    "A feed of your team, or `team.path/feed` for one of a team below. It says which template is sent and how."
)


def sees(program: Program, team: str) -> bool:
    """Whether ``team`` is the key's team or below it."""
    return is_at_or_below(team, program.team_path)


def sees_those_of_all(connection: Connection, program: Program) -> bool:
    """Whether what belongs to no team is the key's to see: only where its team is the one team at the top.

    Beside another organisation it would tell of that one's people and logins.
    """
    return top_team_paths(connection) == [program.team_path]


def visible_team(connection: Connection, program: Program, path: str) -> int:
    """The id of a team. Raises :class:`RequestError` (``team_unknown``), for those beside and above the key's too."""
    team = find_team(connection, path) if sees(program, path) else None
    if team is None:
        raise RequestError("team_unknown", team=path, known=program.team_path)
    return team.id


def visible_campaign(connection: Connection, program: Program, key: str) -> CampaignRow:
    """The campaign of ``key``. Raises :class:`RequestError` (``campaign_unknown``), for those of other teams too."""
    campaign = find_campaign(connection, key)
    if campaign is None or not sees(program, campaign.team):
        raise RequestError("campaign_unknown", campaign=key)
    return campaign


def visible_feed(connection: Connection, program: Program, feed: str) -> FeedRow:
    """The feed that ``name`` or ``team.path/name`` means. Raises an error with the reason ``feed_unknown``."""
    team, slash, name = feed.rpartition("/")
    if slash and not sees(program, team):
        raise feed_unknown(connection, feed, program.team_path)
    return feed_by_name(connection, team if slash else program.team_path, name)
