"""The schedules: standing feeds by their own cron expressions, and the nightly round."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from nightmail.intake.overdue_files import alert_late_feeds, alert_missing_parts
from nightmail.intake.standing_campaigns import start_standing_campaigns
from nightmail.reports.changed_days import changed_days
from pipelines.partitions import prune_campaigns
from resources.database import DatabaseResource

OLDEST_DAYS = 30
RECENT_DAYS = 7


@dg.schedule(
    cron_schedule="* * * * *",
    job_name="prepare",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
    description="Standing feeds: makes the campaign of each feed whose own schedule has come, from the team's contact book, "
    "and alerts people to feeds whose file is late. Feeds with a folder prepare their files as they come and send "
    "them at their schedule's next time.",
)
def standing_feeds(context: dg.ScheduleEvaluationContext, database: DatabaseResource) -> dg.SkipReason:
    """Make the campaigns that are due; the sensor of due campaigns asks for their runs."""
    with database.begin() as connection:
        made = start_standing_campaigns(connection, context.scheduled_execution_time)
        late = alert_late_feeds(connection, context.scheduled_execution_time)
        parts = alert_missing_parts(connection, context.scheduled_execution_time)
    return dg.SkipReason(f"{len(made)} campaigns made, {late} feeds late, {parts} files with parts missing.")


@dg.schedule(
    cron_schedule="30 1 * * *",
    job_name="report",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
    description="The nightly round: reports of the days between a week and a month ago that changed since the night before, "
    "yesterday's report for good, and old partition keys forgotten.",
)
def nightly(context: dg.ScheduleEvaluationContext, database: DatabaseResource) -> Iterator[dg.RunRequest]:
    """Ask for the reports of older days."""
    now = context.scheduled_execution_time
    today = now.astimezone(dt.UTC).date()
    prune_campaigns(context.instance, today)
    with database.connect() as connection:
        changed = set(changed_days(connection, now - dt.timedelta(days=1), now))
    for age in range(1, OLDEST_DAYS + 1):
        day = today - dt.timedelta(days=age)
        if age == 1 or (day in changed and age > RECENT_DAYS):
            yield dg.RunRequest(run_key=f"nightly/{today}/{day}", partition_key=day.isoformat())


retention_round = dg.ScheduleDefinition(
    name="retention_round",
    cron_schedule="0 3 * * *",
    job_name="retention",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    execution_timezone="UTC",
    description="Every night: addresses and texts that are old enough are deleted, and whole months of the ledger with them.",
)

SCHEDULES = [standing_feeds, nightly, retention_round]
