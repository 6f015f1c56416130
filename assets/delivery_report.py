"""``delivery_report`` and ``usage_report``: what analysts read, by UTC day of first hand-off or of the decision."""

import datetime as dt

import dagster as dg

from assets.campaign_runs import stage_metadata
from assets.partitions import days
from nightmail.access.principals import EVERYWHERE
from nightmail.reports.day_sums import sum_earlier_days
from nightmail.reports.delivery_report import write_day
from nightmail.reports.earlier_layout import mend_earlier_days
from nightmail.reports.report_page import write_report_page
from nightmail.reports.stored_figures import Asked, read_figures
from nightmail.reports.usage_report import write_usage_report
from resources.carriers import CARRIERS
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=days,
    deps=["receipts", "sends"],
    group_name="reports",
    kinds={"parquet", "html"},
    description="One row per message, and one per held contact: what became of it at hand-off and after. Beside it a page "
    "with charts. Refers to people by id and keyed hash only.",
)
def delivery_report(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of the delivery report, its sums and its page."""
    day = dt.date.fromisoformat(context.partition_key)
    counts = write_day(database.engine, lake.lake, day)
    with database.begin() as connection:
        figures = read_figures(connection, Asked(day, day, (EVERYWHERE,)))
        sum_earlier_days(connection, lake.lake)
    table = lake.table("delivery_report", context.partition_key, "day")
    page = write_report_page(table, day, CARRIERS.meaning_of, figures)
    mend_earlier_days(lake.lake, dt.datetime.now(dt.UTC).date())
    return dg.MaterializeResult(metadata={**stage_metadata(counts), "page": dg.MetadataValue.path(page)})


@dg.asset(
    partitions_def=days,
    deps=["sends"],
    group_name="reports",
    kinds={"parquet"},
    description="What each team used and what it cost, by channel, country and carrier. No personal data.",
)
def usage_report(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write one day of the usage report."""
    day = dt.date.fromisoformat(context.partition_key)
    with database.connect() as connection:
        counts = write_usage_report(connection, day, lake.table("usage_report", context.partition_key, "day"))
    return dg.MaterializeResult(metadata=stage_metadata(counts))
