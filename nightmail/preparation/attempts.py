"""Attempts at preparing a campaign: those that should be under way, and what follows when one has failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign, list_campaigns
from nightmail.campaigns.transitions import move_campaign
from nightmail.organisation.feeds import feed_settings
from nightmail.preparation import queries
from nightmail.preparation.campaign_preparation import BEING_PREPARED
from nightmail.reasons.problems import stated_problem
from nightmail.store.states import CampaignState

_PAGE = 200


def campaigns_being_prepared(connection: Connection) -> list[CampaignRow]:
    """Return the newest campaigns that should have a preparing run at work, or one asked for."""
    return list_campaigns(connection, states=BEING_PREPARED, limit=_PAGE)


def messages_are_coming(connection: Connection, within_s: float = 0.0, waited_s: float = 0.0) -> bool:
    """Return whether a campaign is being prepared whose messages are to go at once, or within so many seconds.

    One that is not begun counts when it has waited for ``waited_s``.
    A campaign that has not moved for ten minutes is not counted: its run died, or it waits for room.
    """
    return bool(connection.scalar(text(queries.MESSAGES_ARE_COMING), {"within_s": within_s, "waited_s": waited_s}))


def stop_preparing(engine: Engine, campaign: str, problem: Mapping[str, Any]) -> bool:
    """Stop a campaign that is being prepared, for a ``problem`` that its owner can mend; return whether it was.

    Of one that a schedule made from the contact book people are alerted: nobody waits for its answer.
    """
    with engine.begin() as connection:
        row = get_campaign(connection, campaign)
        if row.state not in BEING_PREPARED:
            return False
        move_campaign(connection, row.id, CampaignState.STOPPED, actor="pipeline", problem=problem)
        if row.source == "contacts":
            raise_alert(
                connection,
                reason=str(problem["reason"]),
                subject=f"feed:{row.team}/{row.feed}:stopped",
                message=f"The campaign {row.key} was stopped. {problem['message']} {problem.get('remedy', '')}".strip(),
                team_id=row.team_id,
                campaign_id=row.id,
            )
    return True


def retry_or_stop(
    engine: Engine, campaign: CampaignRow, why: str, *, interruptions: int = 0, disk_full: bool = False
) -> str:
    """Give a campaign whose run failed another attempt; stop it, and alert people, when it has had its share.

    ``why`` the run ended is kept with the campaign; ``disk_full`` is a cause that people can mend, and gets a reason of its own.
    ``interruptions`` of its attempts do not count: the daemon ended under them, or they never began. Return what was done, in words.
    Nothing is done when the campaign was moved on meanwhile.
    """
    with engine.begin() as connection:
        now = get_campaign(connection, campaign.id)
        if now.state != campaign.state or now.prepare_attempts != campaign.prepare_attempts:
            return "moved on meanwhile"
        attempts = max(campaign.prepare_attempts, 1)
        if now.state == CampaignState.RECEIVED:
            # The run never began. It is counted all the same, which gives the next run a key of its own.
            connection.execute(
                text("update campaign set prepare_attempts = prepare_attempts + 1 where id = :id"), {"id": now.id}
            )
            attempts = now.prepare_attempts + 1
        if attempts < feed_settings(campaign.settings).prepare_attempts + interruptions:
            if now.state == CampaignState.CHECKING:
                move_campaign(
                    connection, now.id, CampaignState.RECEIVED, actor="failure sensor", detail={"because": why}
                )
            return f"tried again ({why})"
        if disk_full:
            problem = stated_problem("disk_full", problem="the run could not write its tables")
        else:
            problem = stated_problem("preparation_failed", attempts=attempts)
        _stop(connection, now, why, attempts, problem)
    return f"stopped ({why})"


def _stop(connection: Connection, campaign: CampaignRow, why: str, attempts: int, problem: dict[str, str]) -> None:
    move_campaign(connection, campaign.id, CampaignState.STOPPED, actor="failure sensor", problem=problem)
    raise_alert(
        connection,
        reason=problem["reason"],
        subject=f"campaign:{campaign.key}",
        message=f"The campaign {campaign.key} was stopped after {attempts} attempts: {why}. "
        f"{problem['message']} {problem['remedy']}",
        team_id=campaign.team_id,
        campaign_id=campaign.id,
    )
