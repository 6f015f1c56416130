"""``sends``: what became of each message at hand-off. The campaign's part of the ledger, written out."""

import dagster as dg

from assets.partitions import campaigns
from nightmail.campaigns.campaign_rows import sends_to_write
from nightmail.sending.sends_table import write_sends
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    deps=["ledger"],
    group_name="sending",
    kinds={"parquet"},
    description="One row per message: state, carrier, the carrier's id, time, attempts, cost. Written when the campaign "
    "is loaded, when it finishes, and now and then in between. Refers to people by id and keyed hash only.",
)
def sends(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Write the ledger of one campaign as a table."""
    campaign = context.partition_key
    states = write_sends(database.engine, campaign, lake.table("sends", campaign))
    return dg.MaterializeResult(metadata=sends_metadata(states))


def sends_metadata(states: dict[str, int]) -> dict[str, int]:
    """Return the messages by state, and their sum, as metadata."""
    return {"messages": sum(states.values()), **states}


def write_changed_sends(context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource) -> int:
    """Write ``sends`` of all campaigns that changed, at most as often as the settings say; return how many.

    Senders call it as they work: a run of its own for each campaign would cost more than the writing.
    """
    written = 0
    while True:
        with database.connect() as connection:
            due = sends_to_write(connection, settings().sends_partition_interval_s)
        if not due:
            return written
        for campaign in due:
            states = write_sends(database.engine, campaign.key, lake.table("sends", campaign.key))
            context.log_event(
                dg.AssetMaterialization("sends", partition=campaign.key, metadata=dict(sends_metadata(states)))
            )
        written += len(due)
