"""``contact_file``: the uploaded file as one table of strings, line numbers kept."""

import dagster as dg

from assets.campaign_runs import frozen_metadata, stage_metadata, stopped_by_errors, stored_preparation
from assets.partitions import campaigns
from nightmail.preparation.campaign_stages import read_campaign_file
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    group_name="preparing",
    kinds={"parquet"},
    description="The contact file as it came: every column as text, with the line of the file that each row stands on. "
    "Encoding, delimiter, header mapping and content hash are metadata. Personal data.",
)
def contact_file(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Take the campaign for this run, then read its file."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(context.run.run_id, campaign, database, lake)
        if stored.frozen:
            return dg.MaterializeResult(metadata=frozen_metadata(stored, "contact_file"))
        counts = read_campaign_file(database.engine, stored, settings().incoming_dir, run_id=context.run.run_id)
    return dg.MaterializeResult(metadata=stage_metadata(counts))
