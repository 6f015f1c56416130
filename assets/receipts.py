"""``receipts``: what carriers said, by UTC day of arrival."""

import datetime as dt

import dagster as dg

from assets.campaign_runs import stage_metadata
from assets.partitions import days
from nightmail.reports.receipts_and_replies import write_receipts
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=days,
    group_name="reports",
    kinds={"parquet"},
    description="Receipts by UTC day of arrival: delivered, undelivered, bounced, opened, answered. No personal data.",
)
def receipts(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of receipts."""
    day = dt.date.fromisoformat(context.partition_key)
    with database.connect() as connection:
        counts = write_receipts(connection, day, lake.table("receipts", context.partition_key, "day"))
    return dg.MaterializeResult(metadata=stage_metadata(counts))
