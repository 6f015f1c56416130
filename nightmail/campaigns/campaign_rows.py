"""A campaign as the database has it, and how campaigns are found and listed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.campaigns.queries import CAMPAIGNS, CAMPAIGNS_TO_PREPARE, SENDS_TO_WRITE
from nightmail.errors import UsageError
from nightmail.store.states import CampaignState

SEEDED = "seeded"
"""The mark in the counts of a campaign that was made up for a demonstration (:mod:`nightmail.demonstration`)."""
TRIAL = "trial"
OF_BOOK = "of_book"
"""The mark in the counts of a test message that somebody sent to themselves (:mod:`nightmail.intake.trial_messages`)."""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as the database has it, with the names of its team, feed and category."""

    id: int
    key: str
    token: str
    team_id: int
    team: str
    feed_id: int | None
    feed: str | None
    template_version_id: int
    category_id: int
    category: str
    needs_consent: bool
    """As the feed says, else the category."""
    resend_if_absent: bool
    state: CampaignState
    source: str
    priority: int
    settings: dict[str, Any] = field(repr=False)
    counts: dict[str, Any] = field(repr=False)
    problem: dict[str, Any] | None = field(repr=False)
    scheduled_at: dt.datetime | None
    """When it is released; with ``local_start`` that is when that time comes first anywhere."""
    local_start: dt.datetime | None
    """A wall-clock time, without a zone, at which each recipient is sent to by their own clock."""
    held_until: dt.datetime | None
    """Until when it can be taken back before anything of it is handed off (:mod:`nightmail.campaigns.holding_back`)."""
    schedule_time: dt.datetime | None
    """The time of its feed's schedule that made it."""
    cut_off_at: dt.datetime | None
    accepts_until: dt.datetime | None
    prepare_attempts: int
    run_id: str | None
    ledger_month: dt.date | None
    loaded_at: dt.datetime | None
    first_hand_off_at: dt.datetime | None
    finished_at: dt.datetime | None
    sends_written_at: dt.datetime | None
    ledger_changed_at: dt.datetime | None
    created_at: dt.datetime
    state_changed_at: dt.datetime

    @property
    def frozen(self) -> bool:
        """Whether a message was handed off: from then on the partitions before ``sends`` never change."""
        return self.first_hand_off_at is not None

    @property
    def seeded(self) -> bool:
        """Whether it was made up for a demonstration: the pipeline neither prepared nor sent it."""
        return bool(self.counts.get(SEEDED))

    @property
    def trial(self) -> bool:
        """Whether it is a test message that somebody sent to themselves."""
        return bool(self.counts.get(TRIAL))

    @property
    def of_book(self) -> bool:
        """Whether its rows are the product's own of a contact of the address book, whose id they state."""
        return bool(self.counts.get(OF_BOOK))

    @property
    def version(self) -> str:
        """Changes with the campaign's state and times: says whether it still is what somebody looked at."""
        known = (self.state, self.state_changed_at, self.scheduled_at, self.local_start, self.cut_off_at)
        return blake2b(repr(known).encode(), digest_size=8).hexdigest()


def campaign_of_row(row: Row[Any]) -> CampaignRow:
    """The campaign of a row of the statement :data:`nightmail.campaigns.queries.CAMPAIGNS`."""
    values = dict(row._mapping)
    values["state"] = CampaignState(values["state"])
    return CampaignRow(**values)


def find_campaign(connection: Connection, campaign: str | int) -> CampaignRow | None:
    """The campaign of a key or an id, or ``None``."""
    column = "id" if isinstance(campaign, int) else "key"
    row = connection.execute(text(f"{CAMPAIGNS} where c.{column} = :value"), {"value": campaign}).first()
    return None if row is None else campaign_of_row(row)


def campaign_of_token(connection: Connection, token: str) -> CampaignRow | None:
    """The campaign whose messages' ids begin with a token, or ``None``."""
    row = connection.execute(text(f"{CAMPAIGNS} where c.token = :token"), {"token": token}).first()
    return None if row is None else campaign_of_row(row)


def get_campaign(connection: Connection, campaign: str | int) -> CampaignRow:
    """The campaign of a key or an id. Raises :class:`UsageError` (``campaign_unknown``)."""
    found = find_campaign(connection, campaign)
    if found is None:
        raise UsageError("campaign_unknown", campaign=campaign)
    return found


def list_campaigns(
    connection: Connection,
    *,
    team_path: str | None = None,
    states: Iterable[CampaignState] = (),
    before_id: int | None = None,
    limit: int = 50,
) -> list[CampaignRow]:
    """Campaigns, newest first, by pages of ``limit``: of a team and the teams below it, or (``None``) of all."""
    conditions, values = ["true"], {"limit": min(limit, 1000)}  # type: tuple[list[str], dict[str, Any]]
    if team_path is not None:
        conditions.append("(t.path = :team or starts_with(t.path, :team || '.'))")
        values["team"] = team_path
    if wanted := [str(state) for state in states]:
        conditions.append("c.state = any(:states)")
        values["states"] = wanted
    if before_id is not None:
        conditions.append("c.id < :before")
        values["before"] = before_id
    query = f"{CAMPAIGNS} where {' and '.join(conditions)} order by c.id desc limit :limit"
    return [campaign_of_row(row) for row in connection.execute(text(query), values)]


def campaigns_to_prepare(connection: Connection, limit: int = 100) -> list[CampaignRow]:
    """Received campaigns for which a preparing run is to be started, the most urgent and oldest first.

    An open campaign of single messages counts once it no longer accepts any.
    """
    return [campaign_of_row(row) for row in connection.execute(text(CAMPAIGNS_TO_PREPARE), {"limit": limit})]


def sends_to_write(connection: Connection, interval_s: int, limit: int = 20) -> list[CampaignRow]:
    """Campaigns whose ``sends`` partition is behind the ledger: ended ones at once, others every ``interval_s`` seconds."""
    return [
        campaign_of_row(row)
        for row in connection.execute(text(SENDS_TO_WRITE), {"interval": interval_s, "limit": limit})
    ]
