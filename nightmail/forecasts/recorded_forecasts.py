"""The forecast that a campaign carries: recorded when it is made, renewed when the campaign begins later, read by all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.held_channels import HeldChannel
from nightmail.forecasts.finish_forecast import AT_RISK, FinishForecast, forecast_of_ledger
from nightmail.forecasts.queries import CAMPAIGNS_WAITING
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState

_TO_COME = frozenset(
    (
        CampaignState.RECEIVED,
        CampaignState.CHECKING,
        CampaignState.AWAITING_APPROVAL,
        CampaignState.READY,
        CampaignState.SCHEDULED,
        CampaignState.SENDING,
    )
)
"""States in which it matters when a campaign ends."""
RENEWED_AT_MOST = 50
"""Campaigns whose ledgers are counted when a channel is used again."""


def record_forecast(
    connection: Connection, campaign: CampaignRow, forecast: FinishForecast, *, estimated: bool = False
) -> None:
    """Keep a forecast with its campaign, and raise an alert for one that ends after its cut-off.

    An estimate, made before the messages are counted, raises no alert: the person who asked for it reads it.
    """
    record_counts(
        connection,
        campaign.id,
        {"finishes_by": forecast.finishes_by, "late": forecast.late, "finish_estimated": estimated},
    )
    if estimated:
        return
    subject = f"campaign:{campaign.key}"
    if (warning := forecast.warning) is not None:
        raise_alert(
            connection,
            reason=AT_RISK,
            subject=subject,
            message=f"{warning['message']} {warning['remedy']}",
            team_id=campaign.team_id,
            campaign_id=campaign.id,
        )
    else:
        resolve_alerts(connection, subject=subject, reason=AT_RISK)


def forecast_loaded(connection: Connection, campaign_id: int, now: dt.datetime) -> FinishForecast:
    """Forecast and record when a campaign ends whose ledger is loaded: by the messages that are left at ``now``."""
    found = get_campaign(connection, campaign_id)
    made, work = forecast_of_ledger(connection, found, now)
    record_forecast(connection, found, made)
    if not found.frozen:
        # What a later file of the feed is estimated by.
        record_counts(connection, found.id, {"units": work.units_by_channel()})
    return made


def renew_forecast(engine: Engine, campaign: CampaignRow) -> CampaignRow:
    """Forecast again when a campaign ends that was approved or resumed: it begins later than when it was loaded.

    Returns the campaign with its forecast; one whose ledger is not loaded as it is. In a transaction of its own, after
    the order has taken effect: counting a large ledger takes a moment.
    """
    if campaign.loaded_at is None:
        return campaign
    with engine.begin() as connection:
        forecast_loaded(connection, campaign.id, database_time(connection))
        return get_campaign(connection, campaign.id)


def recorded_forecast(campaign: CampaignRow) -> FinishForecast:
    """The forecast that was last recorded for a campaign.

    A campaign that is over has none, and neither has one that is paused: it gets another when it is resumed.
    """
    finishes_by = campaign.counts.get("finishes_by") if campaign.state in _TO_COME else None
    return FinishForecast(dt.datetime.fromisoformat(finishes_by) if finishes_by else None, campaign.cut_off_at)


def present_forecast(connection: Connection, campaign: CampaignRow, held: Sequence[HeldChannel]) -> FinishForecast:
    """The forecast of a campaign as its suspensions are now; ``held`` are the channels that they hold.

    Where another account takes the messages meanwhile, it is reckoned anew at that one's rate.
    """
    recorded = recorded_forecast(campaign)
    if not held or campaign.state not in _TO_COME:
        return recorded
    if stopped := tuple(each.channel for each in held if not each.usable):
        return FinishForecast(None, campaign.cut_off_at, stopped)
    if campaign.loaded_at is None:
        return recorded
    return forecast_of_ledger(connection, campaign, database_time(connection))[0]


def renew_forecasts(engine: Engine, channel: str) -> int:
    """Forecast again when campaigns end that have messages waiting on a channel, which is used again; returns how many.

    The most urgent :data:`RENEWED_AT_MOST` of them.
    """
    with engine.connect() as connection:
        waiting = connection.scalars(text(CAMPAIGNS_WAITING), {"channel": channel, "limit": RENEWED_AT_MOST}).all()
        campaigns = [get_campaign(connection, int(each)) for each in waiting]
    for campaign in campaigns:
        renew_forecast(engine, campaign)
    return len(campaigns)
