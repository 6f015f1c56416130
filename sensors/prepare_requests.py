"""Asking for what prepares campaigns: preparers for small ones, and runs of their own, each under its run key, for the others."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import dagster as dg

from assets.partitions import campaigns
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.preparation.attempts import messages_are_coming
from nightmail.preparation.waiting_campaigns import GROUP_AT_MOST, campaigns_for_own_runs, waiting_for_preparers
from resources.database import DatabaseResource
from sensors.asked_runs import PREPARE_JOB, PREPARERS_JOB, SEND_JOB
from sensors.lost_runs import runs_of
from sensors.watching import watch

CAMPAIGN_TAG = "nightmail/campaign"
ATTEMPT_TAG = "nightmail/attempt"
REQUESTS_AT_MOST = 200
"""Runs asked for by one tick."""
ASKED_AGAIN_AFTER_S = 60.0
PREPARERS_AT_MOST = 2
_PAUSE_S = 0.3


@dataclass(frozen=True)
class Waiting:
    """What waits of some sources, and is not asked for yet."""

    own: list[CampaignRow]
    """Campaigns that get a preparing run of their own."""
    preparers: int
    """Preparers that are missing for the small ones."""

    def __bool__(self) -> bool:
        return bool(self.own or self.preparers)


def waiting_campaigns(
    context: dg.SensorEvaluationContext, database: DatabaseResource, sources: frozenset[str]
) -> Waiting:
    """See what waits of these sources. Each belongs to one sensor: Dagster compares run keys within a sensor only."""
    requested = requested_keys(context)
    with database.connect() as connection:
        found = campaigns_for_own_runs(connection, sources, limit=2000)
        small = waiting_for_preparers(connection, sources)
    own = [row for row in found if run_key(row) not in requested][:REQUESTS_AT_MOST]
    missing = 0
    if small:
        missing = preparers_wanted(small) - runs_of(context.instance, database, PREPARERS_JOB)
    return Waiting(own, max(0, missing))


def preparers_wanted(waiting: int) -> int:
    """One preparer for a group of small campaigns, two for more."""
    return 0 if not waiting else 1 if waiting <= GROUP_AT_MOST else PREPARERS_AT_MOST


def run_key(campaign: CampaignRow) -> str:
    """The key of a campaign's next preparing run. It counts the attempts, so that a failed run can be followed by another."""
    return f"{campaign.key}/{campaign.prepare_attempts + 1}"


def requested_keys(context: dg.SensorEvaluationContext) -> dict[str, float]:
    """The run keys that earlier ticks asked for lately, of campaigns whose run had not begun by then, and when.

    One that was asked for longer ago is asked for again: a tick may have ended without its run, when the database or the daemon died
    under it. Dagster passes over a run key that has its run.
    """
    if not context.cursor:
        return {}
    asked = json.loads(context.cursor)
    if not isinstance(asked, dict):
        # Of a version that did not say when.
        return {}
    now = time.time()
    return {key: at for key, at in asked.items() if now - at < ASKED_AGAIN_AFTER_S}


def prepare_request(campaign: CampaignRow) -> dg.RunRequest:
    """The request for a campaign's preparing run."""
    return dg.RunRequest(
        run_key=run_key(campaign),
        job_name=PREPARE_JOB,
        partition_key=campaign.key,
        tags={
            CAMPAIGN_TAG: campaign.key,
            ATTEMPT_TAG: str(campaign.prepare_attempts + 1),
            # Urgent campaigns (priority 0) leave the queue first.
            "dagster/priority": str(5 - campaign.priority),
        },
    )


def watch_for_campaigns(
    context: dg.SensorEvaluationContext, database: DatabaseResource, sources: frozenset[str]
) -> dg.SensorResult | dg.SkipReason:
    """Watch for received campaigns of these sources and ask for what prepares them."""
    found = watch(lambda: waiting_campaigns(context, database, sources), _PAUSE_S)
    return prepare_result(context, database, sources, found)


def prepare_result(
    context: dg.SensorEvaluationContext, database: DatabaseResource, sources: frozenset[str], found: Waiting
) -> dg.SensorResult | dg.SkipReason:
    """The tick's answer: partitions to register and runs to start. The cursor holds the run keys that were asked for, and when.

    A sender is asked for in the same tick, if none is there: it is warm when the first message is due.
    """
    if not found:
        return dg.SkipReason("No campaign waits to be prepared.")
    before = requested_keys(context)
    with database.connect() as connection:
        waiting = {run_key(row) for row in campaigns_for_own_runs(connection, sources, limit=2000)}
        coming = messages_are_coming(connection)
    sender = coming and not runs_of(context.instance, database, SEND_JOB)
    asked = [prepare_request(row) for row in found.own]
    asked += [dg.RunRequest(job_name=PREPARERS_JOB, tags={"dagster/priority": "5"})] * found.preparers
    asked += [dg.RunRequest(job_name=SEND_JOB)] * sender
    new = [row.key for row in found.own if not context.instance.has_dynamic_partition(str(campaigns.name), row.key)]
    return dg.SensorResult(
        run_requests=asked,
        dynamic_partitions_requests=[campaigns.build_add_request(new)] if new else None,
        cursor=json.dumps(
            {key: at for key, at in before.items() if key in waiting}
            | {run_key(row): round(time.time(), 1) for row in found.own},
            sort_keys=True,
        ),
    )
