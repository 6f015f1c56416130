"""Preparing runs that ended without a result: tried again, or given up with an answer and an alert.

The campaign's state decides, not events: one that is ``received`` or ``checking`` while its run has failed, was cancelled or
is not there has no run at work. So nothing is missed while this sensor itself does not run. Runs of senders and reports
that fail raise an alert: the next tick of their sensors starts others.
"""

import datetime as dt
import errno
import json
import os

import dagster as dg

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.preparation.attempts import campaigns_being_prepared, retry_or_stop
from nightmail.reasons import sentence
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from sensors.failing_sensors import alert_failing_sensors
from sensors.prepare_requests import ATTEMPT_TAG, CAMPAIGN_TAG, PREPARE_JOB
from sensors.run_tags import ENDED_TAG

GRACE_S = 60
"""A campaign is left alone for so long after its state changed: its run may be about to be asked for, or to begin."""
NO_ROOM = os.strerror(errno.ENOSPC)
"""How the machine and PostgreSQL say that a disk is full."""
ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
OTHER_JOBS = ("send", "report", "write_sends", "retention")
"""Jobs whose failed runs raise an alert, and are not repeated here."""
_INTERVAL_S = 10


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Preparing runs that failed: another attempt, or the campaign is stopped, its uploader answered and people "
    "alerted. Failed sender and report runs raise an alert.",
)
def failed_runs(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SkipReason | dg.SensorResult:
    """Look at the campaigns that should have a run at work, and raise alerts for failed runs of other jobs."""
    done = []
    with database.connect() as connection:
        waiting = campaigns_being_prepared(connection)
        now = database_time(connection)
    for campaign in waiting:
        verdict = attempt_failed(context.instance, campaign, now)
        if verdict is not None:
            followed = retry_or_stop(
                database.engine,
                campaign,
                verdict,
                interruptions=_interruptions(context, campaign),
                disk_full=_disk_was_full(context.instance, campaign),
            )
            done.append(f"{campaign.key}: {followed}")
    cursor = _alert_failed_jobs(context, database, now)
    done += [f"the sensor {name} fails" for name in alert_failing_sensors(context.instance, database)]
    if done:
        return dg.SensorResult(skip_reason="; ".join(done), cursor=cursor)
    return dg.SensorResult(skip_reason="No preparing run has failed.", cursor=cursor)


def attempt_failed(instance: dg.DagsterInstance, campaign: CampaignRow, now: dt.datetime) -> str | None:
    """Return why no run works on a campaign any more, in a few words; ``None`` while one does, or is about to."""
    attempt = campaign.prepare_attempts + (campaign.state == CampaignState.RECEIVED)
    runs = instance.get_runs(
        dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key, ATTEMPT_TAG: str(attempt)}), limit=1
    )
    if campaign.state == CampaignState.CHECKING and campaign.run_id is not None:
        # A person may have started the run by hand, without our tags.
        own = instance.get_run_by_id(campaign.run_id)
        runs = [own] if own is not None else runs
    if runs:
        status = runs[0].status
        if status in ENDED_BADLY:
            return f"its run {status.value.lower()}"
        if status == dg.DagsterRunStatus.SUCCESS and campaign.state == CampaignState.CHECKING:
            return "its run ended without loading the ledger"
        return None
    if campaign.state == CampaignState.CHECKING and (now - campaign.state_changed_at).total_seconds() > GRACE_S:
        return "its run is not there"
    return None


def _interruptions(context: dg.SensorEvaluationContext, campaign: CampaignRow) -> int:
    return context.instance.get_runs_count(
        dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key, ENDED_TAG: "true"})
    )


def _disk_was_full(instance: dg.DagsterInstance, campaign: CampaignRow) -> bool:
    """Return whether the campaign's last run failed for want of room on a disk."""
    for run in instance.get_runs(dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key}), limit=1):
        for record in instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
            event = record.event_log_entry.dagster_event
            error = event.step_failure_data.error if event is not None else None
            while error is not None:
                if NO_ROOM in error.message:
                    return True
                error = error.cause
    return False


def _alert_failed_jobs(context: dg.SensorEvaluationContext, database: DatabaseResource, now: dt.datetime) -> str:
    """Raise alerts for failed runs of other jobs since the last look; return the new cursor."""
    since = dt.datetime.fromisoformat(json.loads(context.cursor)["since"]) if context.cursor else now
    for job in OTHER_JOBS:
        records = context.instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since), limit=50
        )
        if records:
            with database.begin() as connection:
                raise_alert(
                    connection,
                    reason="run_failed",
                    subject=f"job:{job}",
                    message=sentence("run_failed", count=len(records), job=job, run=records[0].dagster_run.run_id),
                )
    return json.dumps({"since": now.isoformat()})
