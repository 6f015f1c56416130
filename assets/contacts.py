"""``contacts``, with ``rejects`` and ``warnings`` beside it: the rows judged, normalised and deduplicated."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.campaign_runs import frozen_metadata, stage_metadata, stopped_by_errors, stored_preparation
from assets.partitions import campaigns
from nightmail.preparation.campaign_stages import make_campaign_contacts
from nightmail.row_checks import ContactsSummary
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.multi_asset(
    name="contacts",
    partitions_def=campaigns,
    group_name="preparing",
    specs=[
        dg.AssetSpec(
            "contacts",
            deps=["contact_file"],
            kinds={"parquet"},
            description="The rows that can be used: addresses normalised, placeholders typed, duplicates collapsed. "
            "Personal data.",
        ),
        dg.AssetSpec(
            "rejects",
            deps=["contact_file"],
            kinds={"parquet"},
            description="The rows that cannot be used, and duplicates, each with its line, reason and sentence. "
            "Personal data.",
        ),
        dg.AssetSpec(
            "warnings",
            deps=["contact_file"],
            kinds={"parquet"},
            description="What was noticed on rows that stay: repaired numbers, likely typing errors. Personal data.",
        ),
    ],
)
def contacts(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Judge every row of the contact file."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(context.run.run_id, campaign, database, lake)
        if stored.frozen:
            metadata = frozen_metadata(stored, "contacts")
            for name in ("contacts", "rejects", "warnings"):
                yield dg.MaterializeResult(asset_key=name, metadata=metadata)
            return
        summary = make_campaign_contacts(database.engine, stored, lake.lake)
    for name, counts in counts_by_table(summary).items():
        yield dg.MaterializeResult(asset_key=name, metadata=stage_metadata(counts))


def counts_by_table(summary: ContactsSummary) -> dict[str, dict[str, Any]]:
    """What the pages of the three tables show."""
    return {
        "contacts": summary.as_dict(),
        "rejects": {"rejects": summary.rejects, "duplicates": summary.duplicates, "by_reason": summary.by_reason},
        "warnings": {"warnings": summary.warnings, "by_reason": summary.warnings_by_reason},
    }
