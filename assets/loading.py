"""``ledger``: the last step of a preparation. It loads the send ledger and moves the campaign's state on: the gate.

It is downstream of every blocking check, so that a campaign whose checks failed is never loaded.
"""

import dagster as dg

from assets.campaign_runs import stopped_by_errors, stored_preparation
from assets.partitions import campaigns
from nightmail.preparation.campaign_preparation import CampaignPreparation
from nightmail.preparation.campaign_stages import record_approval_needed
from nightmail.sending.ledger_loading import load_ledger
from nightmail.settings import settings
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.asset(
    partitions_def=campaigns,
    deps=["audience", "messages"],
    group_name="preparing",
    kinds={"postgres"},
    description="The campaign's messages in the send ledger, and its state moved on: to sending, to its schedule, or to "
    "a person's approval. Loading again changes nothing.",
)
def ledger(
    context: dg.AssetExecutionContext, database: DatabaseResource, lake: LakeResource
) -> dg.MaterializeResult[None]:
    """Load the ledger, in one transaction with the change of state."""
    campaign = context.partition_key
    with stopped_by_errors(database, campaign):
        stored = stored_preparation(context.run.run_id, campaign, database, lake)
        metadata = load_prepared(database, stored, context.run.run_id)
    return dg.MaterializeResult(metadata=metadata)


def load_prepared(database: DatabaseResource, stored: CampaignPreparation, run_id: str) -> dict[str, bool | int | str]:
    """Load the ledger of a prepared campaign for a run; return what its page shows."""
    row = stored.campaign
    if row.loaded_at is None and row.state != CampaignState.CHECKING:
        return {"loaded": False, "state": str(row.state)}
    approval = None
    if not stored.frozen:
        with database.begin() as connection:
            approval = record_approval_needed(connection, stored, settings().late_start_asks_after_s)
    loaded = load_ledger(
        database.engine,
        row.key,
        stored.tables.messages,
        stored.tables.audience,
        actor=f"run:{run_id}",
        needs_approval=approval is not None,
    )
    metadata: dict[str, bool | int | str] = {
        "loaded": not loaded.already_loaded,
        "state": str(loaded.state),
        "messages": loaded.messages,
        "queued": loaded.queued,
        "standby": loaded.standby,
        "late": loaded.late,
    }
    if approval is not None:
        metadata["waits_because"] = approval["message"]
    if loaded.finishes_by is not None:
        metadata["finishes_by"] = loaded.finishes_by.isoformat()
    return metadata
