"""When a campaign would end whose messages are prepared but not loaded: for a check before anything is sent."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.campaigns.creation import priority_of
from nightmail.forecasts.finish_forecast import FinishForecast, Work, forecast
from nightmail.preparation.preparation_settings import Preparation


def prepared_finish(connection: Connection, preparation: Preparation, work: Work) -> FinishForecast:
    """The forecast for the messages of a preparation, sent by its team at its start, or now when it has none.

    Raises ``ValueError`` for a preparation with neither ``starts_at`` nor ``now``.
    """
    start = preparation.starts_at or preparation.now
    if start is None:
        raise ValueError("a preparation without a time")
    feed = preparation.feed
    priority = feed.priority
    if "priority" not in feed.model_fields_set:
        priority = priority_of(urgent=preparation.category is not None and preparation.category.urgent)
    return forecast(connection, preparation.team, feed.stored(), work, start, preparation.cut_off, priority=priority)
