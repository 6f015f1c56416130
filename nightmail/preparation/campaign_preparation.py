"""All that decides the preparation of one campaign, read from the store: template, feed, times, prices, limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contact_files.openpgp import plain_name
from nightmail.contacts.list_files import BOOK_SOURCES
from nightmail.lake import Lake
from nightmail.organisation.audience_rules import rules_above
from nightmail.organisation.categories import get_category
from nightmail.organisation.feeds import FeedSettings, feed_settings
from nightmail.preparation import queries
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stage_tables import StageTables
from nightmail.preparation.stored_inputs import carriers_by_channel, price_list
from nightmail.settings import Settings
from nightmail.store.states import CampaignState
from nightmail.templates import stored_template

BEING_PREPARED = (CampaignState.RECEIVED, CampaignState.CHECKING)
"""States of a campaign that a preparing run is, or should be, at work on."""

_DECIDING = (
    "id",
    "settings",
    "team",
    "feed_id",
    "template_version_id",
    "category_id",
    "source",
    "scheduled_at",
    "local_start",
    "cut_off_at",
)
"""What a preparation takes from the campaign's own row."""


@dataclass(frozen=True)
class CampaignPreparation:
    """A campaign with its :class:`Preparation` and the places of its tables."""

    campaign: CampaignRow
    preparation: Preparation
    tables: StageTables
    template_name: str
    template_version: int

    @property
    def frozen(self) -> bool:
        """Whether the campaign's tables may no longer change: they are what was, or will be, sent.

        A campaign that was stopped before its first hand-off and is prepared again gets another ledger.
        """
        campaign = self.campaign
        return campaign.frozen or (campaign.loaded_at is not None and campaign.state not in BEING_PREPARED)

    def still_holds_for(self, campaign: CampaignRow) -> bool:
        """Whether what was read still decides, of the campaign as it is now: nobody changed its settings or times."""
        return all(getattr(campaign, name) == getattr(self.campaign, name) for name in _DECIDING)

    def recorded_counts(self, stage: str) -> dict[str, Any]:
        """Return the counts of a stage as they were kept with the campaign; empty when it has not run."""
        return dict(self.campaign.counts.get("stages", {}).get(stage, {}))

    @property
    def feed(self) -> FeedSettings:
        """The feed's settings as they were when the campaign was made."""
        return self.preparation.feed


def load_preparation(
    connection: Connection, campaign: CampaignRow, lake: Lake, settings: Settings
) -> CampaignPreparation:
    """The preparation of a campaign. Raises :class:`nightmail.errors.NightmailError` for settings that cannot be used."""
    values = {
        "campaign": campaign.id,
        "team": campaign.team_id,
        "feed": campaign.feed_id,
        "version": campaign.template_version_id,
    }
    row = connection.execute(text(queries.CAMPAIGN_SETTINGS), values).one()
    feed = feed_settings(campaign.settings, campaign.feed or "")
    preparation = Preparation(
        template=stored_template(row.template_content),
        hash_key=settings.key(),
        feed=feed,
        team=campaign.team,
        category=get_category(connection, campaign.category_id),
        rules=rules_above(connection, campaign.team),
        hosting_region=settings.region,
        default_country=row.feed_country or row.team_country or settings.default_country,
        default_time_zone=row.team_time_zone,
        from_book=campaign.source in BOOK_SOURCES or campaign.of_book,
        campaign_token=campaign.token,
        public_url=settings.public_url,
        prices=price_list(connection),
        carriers=carriers_by_channel(connection, campaign.team),
        starts_at=campaign.scheduled_at,
        # The database's time: a machine whose clock is wrong must not put quiet hours where they are not.
        now=row.now,
        local_start=campaign.local_start,
        cut_off=campaign.cut_off_at,
        file_name=None if row.file_name is None else plain_name(row.file_name),
        limits={
            "size_limit": settings.maximum_file_bytes,
            "expanded_limit": settings.maximum_expanded_bytes,
            "row_limit": settings.maximum_rows,
            "column_limit": settings.maximum_columns,
            "field_limit": settings.maximum_field_characters,
        },
    )
    return CampaignPreparation(
        campaign, preparation, StageTables.of_campaign(lake, campaign.key), row.template, int(row.template_version)
    )
