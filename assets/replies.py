"""``replies``: what recipients said, by UTC day of arrival."""

import datetime as dt

import dagster as dg

from assets.campaign_runs import stage_metadata
from assets.partitions import days
from nightmail.reports.receipts_and_replies import write_replies
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=days,
    group_name="reports",
    kinds={"parquet"},
    description="Replies by UTC day of arrival, tied to the message they answer. Their text is personal data.",
)
def replies(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of replies."""
    day = dt.date.fromisoformat(context.partition_key)
    with database.connect() as connection:
        counts = write_replies(connection, day, lake.table("replies", context.partition_key, "day"))
    return dg.MaterializeResult(metadata=stage_metadata(counts))
