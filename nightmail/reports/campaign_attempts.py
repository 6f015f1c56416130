"""Hand-offs of a campaign's messages that the carrier did not plainly accept, page by page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.message_ids import campaign_keys, from_key
from nightmail.reports.outcome_queries import ATTEMPTS_OF_CAMPAIGN


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One hand-off; ``position`` and ``number`` are where a list goes on after it."""

    position: int
    number: int
    message: str
    """The message's id."""
    line: int
    channel: str
    outcome: str
    error_code: str | None
    error_class: str | None
    carrier_account: str | None
    sent_from: str | None
    started_at: dt.datetime
    finished_at: dt.datetime


def attempts_of_campaign(
    connection: Connection, campaign: CampaignRow, *, after: tuple[int, int] = (-1, -1), limit: int = 100
) -> list[AttemptRow]:
    """A page of the attempts of a campaign, in the order of the file's rows; ``after`` is the last one of the page before."""
    if campaign.ledger_month is None:
        return []
    first, last = campaign_keys(campaign.id)
    values = {
        "month": campaign.ledger_month,
        "first": first,
        "last": last,
        "after": after[0],
        "after_number": after[1],
        "limit": limit,
    }
    rows = []
    for row in connection.execute(text(ATTEMPTS_OF_CAMPAIGN), values):
        message = from_key(row.position, campaign.token)
        rows.append(AttemptRow(message=str(message), line=message.line, channel=message.channel, **row._mapping))
    return rows
