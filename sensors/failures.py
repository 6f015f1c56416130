"""Preparing runs that ended without a result: tried again, or given up with an answer and an alert.

The campaign's state decides, not events: one that is ``received`` or ``checking`` while its run has failed, was cancelled or
is not there has no run at work. So nothing is missed while this sensor itself does not run. Runs of senders and reports
that fail raise an alert: the next tick of their sensors starts others.
"""

import datetime as dt
import itertools
import json
import time

import dagster as dg

from assets.campaign_events import TAKEN_TAG
from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.preparation.attempts import campaigns_being_prepared, retry_or_stop
from nightmail.preparation.group_preparation import NO_ROOM
from nightmail.preparation.waiting_campaigns import left_to_preparers
from nightmail.reasons import explain, sentence
from nightmail.store.clock import database_time
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from sensors.asked_runs import PREPARE_JOB, PREPARERS_JOB
from sensors.failing_sensors import alert_failing_sensors
from sensors.lost_runs import end_lost_runs
from sensors.prepare_requests import ATTEMPT_TAG, CAMPAIGN_TAG
from sensors.run_tags import ENDED_TAG, LOST_TAG

GRACE_S = 60
"""A campaign is left alone for so long after its state changed: its run may be about to be asked for, or to begin."""
ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
OTHER_JOBS = ("prepare_waiting", "send", "report", "write_sends", "retention")
"""Jobs whose failed runs raise an alert, and are not repeated here."""
FORGIVEN = 2
"""So many lost runs are not held against a campaign: a host that vanished may have taken them, or the file the process."""
NOT_BEGUN_TO_TELL = 6
"""After so many runs in a row that did not begin people are alerted: some 45 seconds."""
LONGEST_PAUSE_S = 15.0
"""Between two runs that are asked for while none begins."""
_MOST_RUNS = 500
_INTERVAL_S = 2


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Preparing runs that failed: another attempt, or the campaign is stopped, its uploader answered and people "
    "alerted. Failed sender and report runs raise an alert.",
)
def failed_runs(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SkipReason | dg.SensorResult:
    """Look at the campaigns that should have a run at work, and raise alerts for failed runs of other jobs."""
    done = [f"the run {run_id} was lost" for run_id in end_lost_runs(context.instance, database)]
    with database.connect() as connection:
        waiting = campaigns_being_prepared(connection)
        untouched = [campaign for campaign in waiting if campaign.state == CampaignState.RECEIVED]
        left = left_to_preparers(connection, untouched)
        now = database_time(connection)
    runs = _Runs(context.instance)
    for campaign in waiting:
        # No run was asked for a small campaign: a preparer takes it.
        verdict = None if campaign.id in left else attempt_failed(runs, campaign, now)
        if verdict is not None and not _waits_to_begin(context.instance, database, campaign):
            followed = retry_or_stop(
                database.engine,
                campaign,
                verdict,
                interruptions=_interruptions(context.instance, campaign),
                disk_full=_disk_was_full(context.instance, runs.of(campaign)),
            )
            done.append(f"{campaign.key}: {followed}")
    cursor = _alert_failed_jobs(context, database, now)
    done += [f"the sensor {name} fails" for name in alert_failing_sensors(context.instance, database)]
    if done:
        return dg.SensorResult(skip_reason="; ".join(done), cursor=cursor)
    return dg.SensorResult(skip_reason="No preparing run has failed.", cursor=cursor)


class _Runs:
    """The runs that campaigns are with, each looked up once: a preparer has many campaigns."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._by_id: dict[str, dg.DagsterRun | None] = {}

    def of(self, campaign: CampaignRow) -> dg.DagsterRun | None:
        """The run that has a campaign, or should have it."""
        if campaign.state == CampaignState.CHECKING and campaign.run_id is not None:
            # A preparer's, or one that a person started by hand: neither has our tags.
            if campaign.run_id not in self._by_id:
                self._by_id[campaign.run_id] = self._instance.get_run_by_id(campaign.run_id)
            if (own := self._by_id[campaign.run_id]) is not None:
                return own
        attempt = campaign.prepare_attempts + (campaign.state == CampaignState.RECEIVED)
        tags = {CAMPAIGN_TAG: campaign.key, ATTEMPT_TAG: str(attempt)}
        return next(iter(self._instance.get_runs(dg.RunsFilter(job_name=PREPARE_JOB, tags=tags), limit=1)), None)


def attempt_failed(runs: _Runs, campaign: CampaignRow, now: dt.datetime) -> str | None:
    """Return why no run works on a campaign any more, in a few words; ``None`` while one does, or is about to."""
    run = runs.of(campaign)
    if run is not None:
        status = run.status
        if status in ENDED_BADLY:
            return f"its run {status.value.lower()}"
        if status == dg.DagsterRunStatus.SUCCESS and campaign.state == CampaignState.CHECKING:
            return "its run ended without loading the ledger"
        return None
    if campaign.state == CampaignState.CHECKING and (now - campaign.state_changed_at).total_seconds() > GRACE_S:
        return "its run is not there"
    return None


def _interruptions(instance: dg.DagsterInstance, campaign: CampaignRow) -> int:
    """Return how many runs of the campaign are not held against it: they ended with their daemon, were lost, or never began."""
    of_campaign = (
        dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key}),
        dg.RunsFilter(job_name=PREPARERS_JOB, tags={f"{TAKEN_TAG}{campaign.key}": "1"}),
    )
    records = [record for each in of_campaign for record in instance.get_run_records(each, limit=_MOST_RUNS)]
    with_daemon = sum(ENDED_TAG in record.dagster_run.tags for record in records)
    lost = sum(LOST_TAG in record.dagster_run.tags and ENDED_TAG not in record.dagster_run.tags for record in records)
    return with_daemon + min(lost, FORGIVEN) + sum(_never_began(record) for record in records)


def _never_began(record: dg.RunRecord) -> bool:
    """Return whether a run failed before its process began: a broker that is away, no room for a pod."""
    run = record.dagster_run
    return run.status == dg.DagsterRunStatus.FAILURE and record.start_time is None and ENDED_TAG not in run.tags


def _waits_to_begin(instance: dg.DagsterInstance, database: DatabaseResource, campaign: CampaignRow) -> bool:
    """Return whether the campaign's last runs did not begin, and the next is not asked for yet; people are alerted in the end."""
    records = instance.get_run_records(
        dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key}), limit=_MOST_RUNS
    )
    in_row = sum(1 for _ in itertools.takewhile(_never_began, records))
    if not in_row:
        return False
    if in_row >= NOT_BEGUN_TO_TELL:
        with database.begin() as connection:
            raise_alert(
                connection,
                reason="run_not_begun",
                subject=f"campaign:{campaign.key}",
                message=explain(
                    "run_not_begun", count=in_row, campaign=campaign.key, run=records[0].dagster_run.run_id
                ),
                team_id=campaign.team_id,
                campaign_id=campaign.id,
                again=False,
            )
    return time.time() - records[0].update_timestamp.timestamp() < min(2.0**in_row, LONGEST_PAUSE_S)


def _disk_was_full(instance: dg.DagsterInstance, run: dg.DagsterRun | None) -> bool:
    """Return whether a campaign's last run failed for want of room on a disk."""
    if run is not None:
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
