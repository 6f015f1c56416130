"""``questions``: the questions of messages with the answers, by UTC day of the answer."""

import datetime as dt

import dagster as dg

from assets.campaign_runs import stage_metadata
from assets.partitions import days
from nightmail.reports.receipts_and_replies import write_questions
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=days,
    group_name="reports",
    kinds={"parquet"},
    description="Questions of messages with the keys that answered them, by UTC day of the answer.",
)
def questions(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of answers."""
    day = dt.date.fromisoformat(context.partition_key)
    with database.connect() as connection:
        counts = write_questions(connection, day, lake.table("questions", context.partition_key, "day"))
    return dg.MaterializeResult(metadata=stage_metadata(counts))
