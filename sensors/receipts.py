"""Receipts: polled where carriers cannot reach us, and reports written again when something arrived."""

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from nightmail.receipts.mailboxes import read_mailboxes
from nightmail.receipts.polling import poll_carriers
from nightmail.reports.waiting_days import WaitingDays
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.settings import settings
from nightmail.store.clock import database_time
from resources.carrier_accounts import CarriersResource, mailbox_of
from resources.database import DatabaseResource
from sensors.watching import TICK_LIMIT_S

REPORT_JOB = "report"
_POLL_INTERVAL_S = 5
_MAILBOX_INTERVAL_S = 15


@dg.sensor(
    minimum_interval_seconds=_POLL_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks carriers for what is in doubt, and for receipts and replies where no public address is set, so that "
    "webhooks cannot reach us.",
)
def receipts_polled(
    context: dg.SensorEvaluationContext, database: DatabaseResource, carriers: CarriersResource
) -> dg.SensorResult | dg.SkipReason:
    """Look up messages in doubt; poll for messages that have no final receipt yet."""
    resolve_in_doubt(database.engine, carriers.factory(), sparing=True)
    if carriers.webhook_base_url is not None:
        return dg.SkipReason("Carriers post receipts to the public address.")
    polled = poll_carriers(database.engine, carriers.factory(), hash_key=settings().key(), cursor=context.cursor)
    summary = f"{polled.receipts} receipts and {polled.replies} replies were new."
    return dg.SensorResult(skip_reason=summary, cursor=polled.cursor)


@dg.sensor(
    minimum_interval_seconds=_MAILBOX_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads the mailboxes of carrier accounts for answers to emails and for reports of delivery.",
)
def mailboxes_read(database: DatabaseResource) -> dg.SkipReason:
    """Take what is new in every mailbox."""
    read = read_mailboxes(database.engine, mailbox_of, hash_key=settings().key(), seconds=TICK_LIMIT_S / 2)
    return dg.SkipReason(
        f"{read.replies} replies and {read.bounces} reports were new; {read.aside} messages are put aside."
    )


@dg.sensor(
    job_name=REPORT_JOB,
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes a day's reports again when something changed: today at most every few minutes, the week before "
    "hourly. Older days are the nightly schedule's.",
)
def reports_due(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """See which days changed since the last tick, and ask for those whose time has come."""
    waiting = WaitingDays.from_json(context.cursor)
    with database.connect() as connection:
        now = database_time(connection)
        waiting.look(connection)
    under_way, seconds = _last_runs(context.instance, list(waiting.first))
    due = waiting.take_due(now, settings().report_interval_s, under_way=under_way, seconds=seconds)
    requests = [
        dg.RunRequest(run_key=f"{day}/{now.isoformat()}", job_name=REPORT_JOB, partition_key=day.isoformat())
        for day in due
    ]
    reason = None if due else "No day has changed and waited long enough."
    return dg.SensorResult(run_requests=requests, skip_reason=reason, cursor=waiting.to_json())


def _last_runs(
    instance: dg.DagsterInstance, days: Iterable[dt.date]
) -> tuple[frozenset[dt.date], dict[dt.date, float]]:
    """Return the days whose report is being written or queued, and how long the last writing of the others took."""
    under_way: set[dt.date] = set()
    seconds: dict[dt.date, float] = {}
    for day in days:
        records = instance.get_run_records(
            dg.RunsFilter(job_name=REPORT_JOB, tags={"dagster/partition": day.isoformat()}), limit=1
        )
        for record in records:
            if not record.dagster_run.is_finished:
                under_way.add(day)
            elif record.start_time is not None and record.end_time is not None:
                seconds[day] = record.end_time - record.start_time
    return frozenset(under_way), seconds
