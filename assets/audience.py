"""``audience``: every contact planned on a channel, or held for a reason."""

import dagster as dg

from assets.campaign_runs import frozen_metadata, stage_metadata, stopped_by_errors, stored_preparation
from assets.partitions import campaigns
from nightmail.preparation.campaign_stages import make_campaign_audience
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    deps=["contacts"],
    group_name="preparing",
    kinds={"parquet"},
    description="Every contact after preferences, suppressions, consent, age and country: planned on a channel and its "
    "fallbacks, or held with the reason. Refers to people by id and keyed hash only.",
)
def audience(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Plan every contact."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(context.run.run_id, campaign, database, lake)
        if stored.frozen:
            return dg.MaterializeResult(metadata=frozen_metadata(stored, "audience"))
        counts = make_campaign_audience(database.engine, stored)
    return dg.MaterializeResult(metadata=stage_metadata(counts))
