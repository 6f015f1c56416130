"""``audience``: every contact planned on a channel, or held for a reason."""

import dagster as dg

from assets.campaign_runs import (
    frozen_metadata,
    is_frozen,
    record_stage,
    stage_metadata,
    stopped_by_errors,
    stored_preparation,
)
from assets.partitions import campaigns
from nightmail.preparation.stages import make_audience
from nightmail.preparation.stored_inputs import known_preferences
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
        stored = stored_preparation(campaign, database, lake)
        if is_frozen(stored):
            return dg.MaterializeResult(metadata=frozen_metadata(stored, "audience"))
        with database.connect() as connection:
            known = known_preferences(connection, stored.campaign.team)
        summary = make_audience(stored.preparation, stored.tables, known)
        counts = summary.as_dict()
        record_stage(
            database,
            stored,
            "audience",
            counts,
            planned=summary.planned,
            held=summary.held,
            held_by_reason=dict(summary.by_reason),
        )
    return dg.MaterializeResult(metadata=stage_metadata(counts))
