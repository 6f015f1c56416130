"""What the assets of one campaign share: the campaign of the partition, and what stops it.

A campaign whose ledger is loaded is frozen: its earlier partitions are what was, or will be, sent. A rerun keeps them and
says so. A file or a table that cannot be used stops the campaign with its reason, at once; anything else that goes wrong
leaves ``checking``, and the failure sensor tries again or gives up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.errors import NightmailError
from nightmail.preparation.attempts import stop_preparing
from nightmail.preparation.campaign_preparation import CampaignPreparation, load_preparation
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource

_READ: dict[tuple[str, str], CampaignPreparation] = {}
"""What the run at work in this process has read of its campaign."""


def stored_preparation(
    run_id: str, campaign: str, database: DatabaseResource, lake: LakeResource
) -> CampaignPreparation:
    """Return all that decides the preparation of a campaign, read once in a run; the campaign itself is as it is now.

    It is read again where a person has changed the campaign meanwhile: its settings, or its times.
    """
    with database.connect() as connection:
        now = get_campaign(connection, campaign)
        read = _READ.get((run_id, campaign))
        if read is not None and read.still_holds_for(now):
            return replace(read, campaign=now)
        stored = load_preparation(connection, now, lake.lake, settings())
    _READ.clear()
    _READ[run_id, campaign] = stored
    return stored


def frozen_metadata(stored: CampaignPreparation, stage: str) -> dict[str, Any]:
    """Return the metadata of a rerun that kept what was there: the stage's counts as they were recorded."""
    return {"frozen": True, **stage_metadata(stored.recorded_counts(stage))}


def stage_metadata(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts as Dagster's metadata: numbers and short texts as they are, tables of counts as JSON."""
    return {
        name: dg.MetadataValue.json(dict(value)) if isinstance(value, Mapping) else value
        for name, value in counts.items()
        if value is not None and isinstance(value, (Mapping, int, float, str, bool))
    }


@contextmanager
def stopped_by_errors(database: DatabaseResource, campaign: str) -> Iterator[None]:
    """Stop the campaign when the block raises an error that its owner can mend; the run then fails with its sentence."""
    try:
        yield
    except NightmailError as error:
        stop_preparing(database.engine, campaign, error.as_dict())
        raise dg.Failure(
            description=f"{error.reason}: {error.message} {error.remedy}".strip(),
            metadata={"reason": error.reason},
            allow_retries=False,
        ) from error
