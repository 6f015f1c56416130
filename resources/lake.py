"""The lake as a Dagster resource: where the tables of all campaigns and days are."""

from __future__ import annotations

import dagster as dg

from nightmail.lake import Lake, TableFile
from nightmail.preparation.stage_tables import StageTables
from nightmail.settings import settings


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The lake at ``url`` (any fsspec URL); empty takes the settings'."""

    url: str = ""

    @property
    def lake(self) -> Lake:
        """The lake itself, as the domain uses it."""
        return Lake(self.url or settings().lake)

    def of_campaign(self, campaign: str) -> StageTables:
        """The tables of a campaign's preparation."""
        return StageTables.of_campaign(self.lake, campaign)

    def table(self, asset: str, partition: str, kind: str = "campaign") -> TableFile:
        """The file of one asset's partition."""
        return self.lake.table(asset, partition, kind)
