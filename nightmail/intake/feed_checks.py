"""What a feed would make of a file, from the database and without a campaign: for ``nightmail check --feed``.

The file is registered and its campaign made as an upload does it, in a transaction that is rolled back: so the settings,
the earlier campaigns and the category are the feed's own, and nothing of it stays, is seen by a sensor, or is sent.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from nightmail.campaigns.approval import approval_needed
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.lake import Lake
from nightmail.organisation.stored_feeds import FeedRow, feed_by_name
from nightmail.preparation.campaign_preparation import load_preparation
from nightmail.preparation.file_contract import ContractProblem
from nightmail.preparation.preparation_settings import Preparation
from nightmail.preparation.stored_inputs import earlier_campaigns
from nightmail.preparation.stored_preferences import StoredPreferences
from nightmail.settings import Settings

if TYPE_CHECKING:
    from nightmail.audience import PreferenceSource
    from nightmail.preparation.stages import Prepared
    from nightmail.row_checks import EarlierCampaign

_ACTOR = "check"


@dataclass(frozen=True)
class FeedCheck:
    """How a feed would prepare a file, and what it would be compared with."""

    feed: FeedRow
    preparation: Preparation
    known: PreferenceSource
    """Preferences, consents and suppressions of the feed's team."""
    earlier: tuple[EarlierCampaign, ...]
    """Campaigns whose contacts are not sent to again."""
    problems: tuple[ContractProblem, ...]
    """Why the feed would not take the file at all."""
    campaign: CampaignRow
    """The campaign that it would be, which is in no table."""

    def approval(self, connection: Connection, prepared: Prepared) -> str | None:
        """Why the campaign would wait for a person's approval, as a sentence; ``None`` when it would go."""
        waits = approval_needed(
            connection,
            self.campaign,
            self.preparation.feed,
            rows=prepared.contacts.rows,
            contacts=prepared.contacts.contacts,
            corrections=prepared.contact_file.own_rejects,
        )
        return None if waits is None else waits["message"]


def feed_check(engine: Engine, name: str, file: Path, settings: Settings, work_folder: Path | None = None) -> FeedCheck:
    """How the feed ``team.path/name`` would prepare a file.

    Raises :class:`UsageError` (``feed_unknown``, ``category_unknown``, ``feed_sends_nothing``) and :class:`ConfigurationError` for settings that
    cannot be used.
    """
    lake = Lake(settings.lake)
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            team, _, feed_name = name.rpartition("/")
            feed = feed_by_name(connection, team, feed_name)
            _ = feed.sent_template
            arrival = Arrival(
                source="command",
                path=str(file),
                name=file.name,
                size=file.stat().st_size,
                sha256=_sha256(file),
                stored_path=file,
            )
            registered = register_file(connection, feed, arrival, actor=_ACTOR)
            campaign, problems = registered.campaign, list[ContractProblem]()
            if registered.state == "repeated" and campaign is not None:
                problems.append(ContractProblem("file_already_taken", {"campaign": campaign.key}))
            if campaign is None or registered.state != "taken":
                campaign = create_feed_campaign(connection, feed, source=arrival.source, actor=_ACTOR)
            loaded = load_preparation(connection, campaign, lake, settings)
            return FeedCheck(
                feed,
                replace(loaded.preparation, file_name=file.name, work_folder=work_folder),
                StoredPreferences(engine, feed.team),
                earlier_campaigns(connection, campaign, lake),
                tuple(problems),
                campaign,
            )
        finally:
            transaction.rollback()


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        digest: Any = hashlib.file_digest(handle, "sha256")
        return str(digest.hexdigest())
