"""Ends of campaigns: cut-offs that passed, cancelling that was cut off, campaigns whose messages are all decided."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.transitions import move_campaign
from nightmail.campaigns.unsent_messages import end_unsent
from nightmail.sending.doubts import SETTLE_AFTER_S
from nightmail.sending.queries import ALL_DECIDED, CANCELLING_CUT_OFF, PAST_CUT_OFF
from nightmail.store.states import CampaignState, MessageState


def finish_cancelling(engine: Engine) -> None:
    """Go on with cancelling campaigns where the command was cut off."""
    with engine.connect() as connection:
        campaigns = connection.scalars(text(CANCELLING_CUT_OFF)).all()
    for campaign_id in campaigns:
        end_unsent(engine, campaign_id, MessageState.CANCELLED, "campaign_cancelled")


def expire(engine: Engine) -> int:
    """Drop messages that were not handed off by their campaign's cut-off; returns how many."""
    with engine.connect() as connection:
        campaigns = connection.scalars(text(PAST_CUT_OFF)).all()
    return sum(end_unsent(engine, campaign_id, MessageState.EXPIRED, "past_cut_off") for campaign_id in campaigns)


def finish_campaigns(engine: Engine) -> list[str]:
    """Finish campaigns whose messages are all decided; returns their keys. Old doubts do not keep a campaign open.

    A paused campaign finishes at its cut-off: there is nothing left for which it could be resumed.
    """
    with engine.connect() as connection:
        campaigns = connection.scalars(text(ALL_DECIDED), {"settle": SETTLE_AFTER_S}).all()
    finished: list[str] = []
    for campaign_id in campaigns:
        with engine.begin() as connection:
            campaign = get_campaign(connection, campaign_id)
            if campaign.state == CampaignState.PAUSED:
                move_campaign(
                    connection, campaign_id, CampaignState.SENDING, actor="ledger", detail={"because": "cut-off"}
                )
            elif campaign.state != CampaignState.SENDING:
                continue
            move_campaign(connection, campaign_id, CampaignState.FINISHED, actor="ledger")
            finished.append(campaign.key)
    return finished
