"""What the assets of one campaign share: the campaign of the partition, its freezing, and what stops it.

A campaign whose ledger is loaded is frozen: its earlier partitions are what was (or will be) sent, so that a rerun keeps
them and says so. A file or a table that cannot be used stops the campaign with its reason, at once; anything else that
goes wrong leaves ``checking``, and the failure sensor tries again or gives up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.transitions import move_campaign
from nightmail.errors import NightmailError
from nightmail.preparation.campaign_preparation import CampaignPreparation, load_preparation
from nightmail.settings import settings
from nightmail.store.states import CampaignState
from resources.database import DatabaseResource
from resources.lake import LakeResource

STOPPABLE = (CampaignState.RECEIVED, CampaignState.CHECKING)


def stored_preparation(campaign: str, database: DatabaseResource, lake: LakeResource) -> CampaignPreparation:
    """All that decides the preparation of a campaign."""
    with database.connect() as connection:
        return load_preparation(connection, get_campaign(connection, campaign), lake.lake, settings())


def is_frozen(stored: CampaignPreparation) -> bool:
    """Whether the campaign's tables may no longer change.

    A campaign that was stopped before its first hand-off and is prepared anew gets its ledger anew.
    """
    campaign = stored.campaign
    return campaign.frozen or (campaign.loaded_at is not None and campaign.state not in STOPPABLE)


def frozen_metadata(stored: CampaignPreparation, stage: str) -> dict[str, Any]:
    """The metadata of a rerun that kept what was there: the stage's counts as they were recorded."""
    recorded = stored.campaign.counts.get("stages", {}).get(stage, {})
    return {"frozen": True, **stage_metadata(recorded)}


def stage_metadata(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary as Dagster metadata: numbers and short texts as they are, tables of counts as JSON."""
    return {
        name: dg.MetadataValue.json(dict(value)) if isinstance(value, Mapping) else value
        for name, value in summary.items()
        if value is not None and isinstance(value, (Mapping, int, float, str, bool))
    }


def record_stage(
    database: DatabaseResource, stored: CampaignPreparation, stage: str, summary: Mapping[str, Any], **further: Any
) -> None:
    """Keep a stage's summary with the campaign, and ``further`` counts that its owners are shown."""
    with database.begin() as connection:
        campaign = get_campaign(connection, stored.campaign.id)
        stages = {**campaign.counts.get("stages", {}), stage: dict(summary)}
        record_counts(connection, campaign.id, {"stages": stages, **further})


def stop_campaign(database: DatabaseResource, campaign: str, problem: Mapping[str, Any]) -> bool:
    """Stop a campaign that is being prepared; gives whether it was."""
    with database.begin() as connection:
        row = get_campaign(connection, campaign)
        if row.state not in STOPPABLE:
            return False
        move_campaign(connection, row.id, CampaignState.STOPPED, actor="pipeline", problem=problem)
    return True


@contextmanager
def stopped_by_errors(database: DatabaseResource, campaign: str) -> Iterator[None]:
    """Stop the campaign when the block raises what its owner can mend; the run then fails with that sentence."""
    try:
        yield
    except NightmailError as error:
        stop_campaign(database, campaign, error.as_dict())
        raise dg.Failure(
            description=f"{error.reason}: {error.message} {error.remedy}".strip(),
            metadata={"reason": error.reason},
            allow_retries=False,
        ) from error
