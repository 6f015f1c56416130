"""Files that came in over HTTP or from the command line: their campaigns are prepared.

The API, the portal and the command line never start runs: they store the file and write its campaign, and this sensor
sees it. What comes after is the same for every file.
"""

import dagster as dg

from nightmail.settings import settings
from resources.database import DatabaseResource
from sensors.asked_runs import asks_for_campaigns
from sensors.prepare_requests import watch_for_campaigns

SOURCES = frozenset({"api", "portal", "command"})


@asks_for_campaigns
@dg.sensor(
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Contact files from the API, the portal and the command line: asks for what prepares their campaigns.",
)
def api_files(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """Look for received campaigns of these sources."""
    return watch_for_campaigns(context, database, SOURCES)
