"""Messages in doubt as people who decide see them: listed, counted by campaign, and one with its attempts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, campaign_of_token, find_campaign
from nightmail.errors import UsageError
from nightmail.message_ids import campaign_keys, parse_message_id
from nightmail.privacy import AddressHash
from nightmail.sending.doubt_queries import (
    ATTEMPTS_OF_MESSAGE,
    CAMPAIGNS_IN_DOUBT,
    COUNT_CAMPAIGNS_IN_DOUBT,
    DOUBTFUL_MESSAGE,
    LIST_DOUBTS,
    LIST_DOUBTS_OF_CAMPAIGN,
)

ALL_TEAMS = ("",)
COUNTED = 10_000
"""Messages in doubt of a campaign that are counted at the most."""
CAMPAIGNS = 100
"""Campaigns in doubt that are listed, or counted for who is shown a number, at the most."""
VISITED = 5_000
"""Campaigns in doubt that are looked at to find those of somebody's teams."""


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """One message in doubt, as people who decide see it; free of personal data."""

    key: int
    message_id: str
    campaign: str
    team: str
    channel: str
    carrier_account: str | None
    since: dt.datetime
    error_code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class CampaignInDoubt:
    """A campaign with messages in doubt: ``messages`` are at most :data:`COUNTED`, ``since`` is when the first of them came to it."""

    id: int
    key: str
    team: str
    state: str
    messages: int
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """A hand-off that the carrier did not plainly accept."""

    number: int
    carrier_account: str | None
    started_at: dt.datetime
    finished_at: dt.datetime
    outcome: str
    error_code: str | None
    error_class: str | None
    carrier_message_id: str | None


@dataclass(frozen=True, slots=True)
class DoubtfulMessage:
    """A message that is, or was, in doubt, with its attempts. Address, subject and body are personal data."""

    message_id: str
    campaign: str
    campaign_state: str
    team: str
    team_id: int
    channel: str
    line: int
    carrier: str | None
    carrier_account: str | None
    carrier_message_id: str | None
    state: str
    reason: str | None
    error_code: str | None
    since: dt.datetime
    has_next: bool
    """Whether the contact has a further channel that takes over where this one fails."""
    attempts: tuple[AttemptRow, ...]
    address_hash: AddressHash = field(repr=False)
    address: str | None = field(repr=False)
    subject: str | None = field(repr=False)
    body: str | None = field(repr=False)

    @property
    def may_be_sent_again(self) -> bool:
        """Whether a decision to send it again can be carried out: its text is kept and its campaign not given up."""
        return self.body is not None and self.campaign_state not in ("cancelled", "stopped")


def list_in_doubt(
    connection: Connection,
    *,
    teams: Sequence[str] = ALL_TEAMS,
    team_path: str | None = None,
    campaign: str | None = None,
    channel: str | None = None,
    after_key: int | None = None,
    limit: int = 100,
) -> list[DoubtRow]:
    """Messages in doubt, the oldest campaign first and in the order of its rows.

    Of ``teams`` (paths; the empty one stands for all) and those below, and of these of ``team_path`` and the teams below it.
    """
    values: dict[str, Any] = {"teams": list(teams), "channel": channel, "after": after_key, "limit": min(limit, 1001)}
    if campaign is None:
        rows = connection.execute(text(LIST_DOUBTS), values | {"team": team_path})
        return [DoubtRow(**row._mapping) for row in rows]
    found = find_campaign(connection, campaign)
    if found is None or not _is_of(found, team_path):
        return []
    first, last = campaign_keys(found.id)
    rows = connection.execute(text(LIST_DOUBTS_OF_CAMPAIGN), values | {"first": first, "last": last})
    return [DoubtRow(**row._mapping) for row in rows]


def _is_of(campaign: CampaignRow, team: str | None) -> bool:
    return team is None or f"{campaign.team}.".startswith(f"{team}.")


def campaigns_in_doubt(connection: Connection, *, teams: Sequence[str]) -> list[CampaignInDoubt]:
    """Campaigns with messages in doubt of teams and those below, the oldest first, at most :data:`CAMPAIGNS`."""
    values = {"teams": list(teams), "most": COUNTED, "limit": CAMPAIGNS, "visited": VISITED}
    return [CampaignInDoubt(**row._mapping) for row in connection.execute(text(CAMPAIGNS_IN_DOUBT), values)]


def count_campaigns_in_doubt(connection: Connection, *, teams: Sequence[str]) -> int:
    """How many campaigns of teams and those below have messages in doubt; at most :data:`CAMPAIGNS`."""
    values = {"teams": list(teams), "limit": CAMPAIGNS, "visited": VISITED}
    return int(connection.scalar(text(COUNT_CAMPAIGNS_IN_DOUBT), values) or 0)


def count_in_doubt(connection: Connection, campaign_id: int) -> int:
    """How many messages of a campaign are in doubt."""
    return int(
        connection.scalar(
            text("select count(*) from message where campaign_id = :id and state = 'in_doubt'"), {"id": campaign_id}
        )
        or 0
    )


def doubtful_message(connection: Connection, message_id: str) -> DoubtfulMessage:
    """A message with its attempts, whatever became of it meanwhile. Raises :class:`UsageError` (``message_unknown``)."""
    unknown = UsageError("message_unknown", value=message_id)
    try:
        parsed = parse_message_id(message_id)
    except ValueError:
        raise unknown from None
    campaign = campaign_of_token(connection, parsed.token)
    if campaign is None or campaign.ledger_month is None:
        raise unknown
    place = {"month": campaign.ledger_month, "key": parsed.key(campaign.id)}
    row = connection.execute(text(DOUBTFUL_MESSAGE), place).first()
    if row is None:
        raise unknown
    attempts = tuple(AttemptRow(**each._mapping) for each in connection.execute(text(ATTEMPTS_OF_MESSAGE), place))
    return DoubtfulMessage(message_id=message_id, attempts=attempts, **row._mapping)
