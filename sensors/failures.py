"""Preparing runs that ended without a result: tried again, or given up with an answer and an alert.

It goes by the campaign's state, not by events: a campaign that is ``received`` or ``checking`` while its run has failed, was
cancelled, or is not there, is one that nobody works on. So nothing is missed while this sensor itself is not running.
Runs of senders and reports that fail raise an alert: the next tick of their sensors starts others.
"""

import datetime as dt
import errno
import json
import os

import dagster as dg
from sqlalchemy import text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign, list_campaigns
from nightmail.campaigns.transitions import move_campaign
from nightmail.organisation.feeds import feed_settings
from nightmail.reasons import remedy, sentence
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from sensors.prepare_requests import ATTEMPT_TAG, CAMPAIGN_TAG, PREPARE_JOB
from sensors.run_tags import ENDED_TAG

GRACE_S = 60
"""A campaign is left alone for so long after its state changed: its run may be about to be asked for, or to begin."""
NO_ROOM = os.strerror(errno.ENOSPC)
"""How the machine and PostgreSQL say that a disk is full."""
ENDED_BADLY = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_INTERVAL_S = 10
_PAGE = 200


@dg.sensor(
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Preparing runs that failed: another attempt, or the campaign is stopped, its uploader answered and people "
    "alerted. Failed sender and report runs raise an alert.",
)
def failed_runs(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SkipReason | dg.SensorResult:
    """Look at every campaign that should have a run at work."""
    done = []
    with database.connect() as connection:
        waiting = list_campaigns(connection, states=(CampaignState.RECEIVED, CampaignState.CHECKING), limit=_PAGE)
        now = connection.scalar(text("select now()")) or dt.datetime.now(dt.UTC)
    for campaign in waiting:
        verdict = attempt_failed(context.instance, campaign, now)
        if verdict is not None:
            interruptions, reason = _interruptions(context, campaign), _reason(context.instance, campaign)
            done.append(f"{campaign.key}: {take_back(database, campaign, verdict, interruptions, reason)}")
    cursor = _alert_failed_jobs(context, database, now)
    if done:
        return dg.SensorResult(skip_reason="; ".join(done), cursor=cursor)
    return dg.SensorResult(skip_reason="No preparing run has failed.", cursor=cursor)


def attempt_failed(instance: dg.DagsterInstance, campaign: CampaignRow, now: dt.datetime) -> str | None:
    """Why nobody works on a campaign any more, in a few words; ``None`` while somebody does, or still may."""
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


def take_back(
    database: DatabaseResource,
    campaign: CampaignRow,
    why: str,
    interruptions: int = 0,
    reason: str = "preparation_failed",
) -> str:
    """Give a campaign another attempt, or stop it for a ``reason`` when it has had its share; gives which.

    ``interruptions`` of its attempts say nothing about the campaign: the daemon ended under them.
    """
    attempts = max(campaign.prepare_attempts, 1)
    most = feed_settings(campaign.settings).prepare_attempts + interruptions
    with database.begin() as connection:
        now = get_campaign(connection, campaign.id)
        if now.state != campaign.state or now.prepare_attempts != campaign.prepare_attempts:
            return "moved on by itself"
        if now.state == CampaignState.RECEIVED:
            # The run never began: it counts as an attempt all the same, which gives the next one a run key of its own.
            connection.execute(
                text("update campaign set prepare_attempts = prepare_attempts + 1 where id = :id"), {"id": now.id}
            )
            attempts = now.prepare_attempts + 1
        if attempts < most:
            if now.state == CampaignState.CHECKING:
                move_campaign(
                    connection, now.id, CampaignState.RECEIVED, actor="failure sensor", detail={"because": why}
                )
            return f"tried again ({why})"
        problem = {
            "reason": reason,
            "message": sentence(reason, attempts=attempts),
            "remedy": remedy(reason, attempts=attempts),
        }
        move_campaign(connection, now.id, CampaignState.STOPPED, actor="failure sensor", problem=problem)
        raise_alert(
            connection,
            reason=reason,
            subject=f"campaign:{now.key}",
            message=f"The campaign {now.key} was stopped after {attempts} attempts: {why}. "
            f"{sentence(reason, attempts=attempts)} {remedy(reason, attempts=attempts)}",
            team_id=now.team_id,
            campaign_id=now.id,
        )
    return f"stopped ({why})"


def _interruptions(context: dg.SensorEvaluationContext, campaign: CampaignRow) -> int:
    return context.instance.get_runs_count(
        dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key, ENDED_TAG: "true"})
    )


def _reason(instance: dg.DagsterInstance, campaign: CampaignRow) -> str:
    """What the last run died of, where that has a sentence and a remedy of its own."""
    for run in instance.get_runs(dg.RunsFilter(job_name=PREPARE_JOB, tags={CAMPAIGN_TAG: campaign.key}), limit=1):
        for record in instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records:
            event = record.event_log_entry.dagster_event
            error = event.step_failure_data.error if event is not None else None
            while error is not None:
                if NO_ROOM in error.message:
                    return "disk_full"
                error = error.cause
    return "preparation_failed"


def _alert_failed_jobs(context: dg.SensorEvaluationContext, database: DatabaseResource, now: dt.datetime) -> str:
    """Alerts for failed runs of the other jobs since the last look; gives the new cursor."""
    since = dt.datetime.fromisoformat(json.loads(context.cursor)["since"]) if context.cursor else now
    for job in ("send", "report", "write_sends", "retention"):
        records = context.instance.get_run_records(
            dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since), limit=50
        )
        if records:
            with database.begin() as connection:
                raise_alert(
                    connection,
                    reason="run_failed",
                    subject=f"job:{job}",
                    message=f"{len(records)} runs of the job {job} failed, the last one {records[0].dagster_run.run_id}.",
                )
    return json.dumps({"since": now.isoformat()})
