"""Asking for preparing runs: which campaigns, under which run key, with their partition registered."""

from __future__ import annotations

import json

import dagster as dg
from sqlalchemy import Connection

from assets.partitions import campaigns
from nightmail.campaigns.campaign_rows import CampaignRow, campaigns_to_prepare
from resources.database import DatabaseResource
from sensors.watching import watch

PREPARE_JOB = "prepare"
CAMPAIGN_TAG = "nightmail/campaign"
ATTEMPT_TAG = "nightmail/attempt"
REQUESTS_AT_MOST = 200
"""Runs asked for by one tick."""
_PAUSE_S = 0.3


def waiting_campaigns(
    connection: Connection, sources: frozenset[str], requested: frozenset[str] = frozenset()
) -> list[CampaignRow]:
    """Received campaigns of these sources for which no run was asked for yet; ``requested`` are run keys.

    Each source belongs to one sensor: Dagster compares run keys within a sensor only.
    """
    found = [row for row in campaigns_to_prepare(connection, limit=2000) if row.source in sources]
    return [row for row in found if run_key(row) not in requested][:REQUESTS_AT_MOST]


def run_key(campaign: CampaignRow) -> str:
    """The key of a campaign's next preparing run. It counts the attempts, so that a failed run can be followed by another."""
    return f"{campaign.key}/{campaign.prepare_attempts + 1}"


def requested_keys(context: dg.SensorEvaluationContext) -> frozenset[str]:
    """The run keys that earlier ticks asked for, of campaigns whose run had not begun by then."""
    return frozenset(json.loads(context.cursor)) if context.cursor else frozenset()


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
    """Watch for received campaigns of these sources and ask for their runs."""
    before = requested_keys(context)

    def look() -> list[CampaignRow]:
        with database.connect() as connection:
            return waiting_campaigns(connection, sources, before)

    return prepare_result(context, database, watch(look, _PAUSE_S))


def prepare_result(
    context: dg.SensorEvaluationContext, database: DatabaseResource, found: list[CampaignRow]
) -> dg.SensorResult | dg.SkipReason:
    """The tick's answer: partitions to register and runs to start. The cursor holds the run keys that were asked for."""
    if not found:
        return dg.SkipReason("No campaign waits to be prepared.")
    before = requested_keys(context)
    with database.connect() as connection:
        waiting = {run_key(row) for row in campaigns_to_prepare(connection, limit=2000)}
    new = [row.key for row in found if not context.instance.has_dynamic_partition(str(campaigns.name), row.key)]
    return dg.SensorResult(
        run_requests=[prepare_request(row) for row in found],
        dynamic_partitions_requests=[campaigns.build_add_request(new)] if new else None,
        cursor=json.dumps(sorted((before & waiting) | {run_key(row) for row in found})),
    )
