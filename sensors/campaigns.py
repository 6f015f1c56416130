"""Campaigns that become due without a file arriving: windows of single messages that close, schedules that come.

A window of single messages (API, quick send) closes after its seconds, and only if it is not empty. A scheduled campaign
moves to ``sending`` when its time comes: a change of state, no run.
"""

import dagster as dg

from nightmail.intake.windows import close_empty_windows
from nightmail.sending.campaigns import release_scheduled
from nightmail.settings import settings
from resources.database import DatabaseResource
from sensors.prepare_requests import PREPARE_JOB, watch_for_campaigns

SOURCES = frozenset({"single", "contacts"})


@dg.sensor(
    job_name=PREPARE_JOB,
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Campaigns falling due: closes windows of single messages and asks for their preparing runs, and moves "
    "scheduled campaigns to sending when their time comes.",
)
def campaigns_due(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """Release, close, ask."""
    release_scheduled(database.engine)
    with database.begin() as connection:
        close_empty_windows(connection)
    return watch_for_campaigns(context, database, SOURCES)
