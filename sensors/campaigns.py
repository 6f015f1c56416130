"""Campaigns that become due without a file arriving: windows of single messages that close, schedules that come.

A window of single messages (API, quick send) closes after its seconds; the first message opened it, so none is empty. A scheduled campaign
moves to ``sending`` when its time comes: a change of state, no run.
"""

import dagster as dg

from nightmail.campaigns.transitions import release_scheduled
from nightmail.contacts.list_files import BOOK_SOURCES
from nightmail.settings import settings
from resources.database import DatabaseResource
from sensors.asked_runs import asks_for_campaigns
from sensors.prepare_requests import watch_for_campaigns

SOURCES = frozenset({"single", "contacts", *BOOK_SOURCES})


@asks_for_campaigns
@dg.sensor(
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Campaigns falling due: asks for what prepares closed windows of single messages, and moves "
    "scheduled campaigns to sending when their time comes.",
)
def campaigns_due(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """Release what is scheduled for now; ask for the runs of windows that closed."""
    release_scheduled(database.engine)
    return watch_for_campaigns(context, database, SOURCES)
