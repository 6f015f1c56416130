"""``opt_outs``: who opted out or complained, by UTC day."""

import datetime as dt

import dagster as dg

from assets.campaign_runs import stage_metadata
from assets.partitions import days
from nightmail.reports.receipts_and_replies import write_opt_outs
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=days,
    group_name="reports",
    kinds={"parquet"},
    description="Opt-outs and complaints by UTC day: who (by hash), on which channel, how, and after which message.",
)
def opt_outs(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of opt-outs."""
    day = dt.date.fromisoformat(context.partition_key)
    with database.connect() as connection:
        counts = write_opt_outs(connection, day, lake.table("opt_outs", context.partition_key, "day"))
    return dg.MaterializeResult(metadata=stage_metadata(counts))
