"""Taking a send back: the undo of who made it, before its first hand-off or in the middle of it."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.holding_back import BY_HAND, maker_of
from nightmail.campaigns.transitions import Stopped, cancel


def require_taking_back(connection: Connection, by: Principal, campaign: CampaignRow) -> None:
    """Raise :class:`NightmailError` (``not_permitted``) unless ``by`` may take a send back.

    Who controls the team's campaigns may; who made it by hand may too, while they may still send.
    """
    if allowed(by, Permission.CAMPAIGN_CONTROL, campaign.team).yes:
        return
    own = maker_of(connection, campaign) == by.actor and campaign.source in BY_HAND
    require(by, Permission.CAMPAIGN_SEND if own else Permission.CAMPAIGN_CONTROL, campaign.team)


def take_back(engine: Engine, campaign: str | int, *, by: Principal) -> Stopped:
    """Cancel a send at once, whether it began or not; says what it left unsent.

    Asked for again it says the same. Raises :class:`UsageError` (``campaign_unknown``, ``campaign_state`` for one that is over) and
    :class:`NightmailError` (``not_permitted``).
    """
    with engine.connect() as connection:
        found = get_campaign(connection, campaign)
        require_taking_back(connection, by, found)
    return cancel(engine, found.id, actor=by.actor, reason="taken back")
