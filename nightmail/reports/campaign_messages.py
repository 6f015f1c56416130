"""What became of one campaign's messages, as the ledger has it now: message by message, reply by reply, and summed up.

Names no person: a message is known by its row in the contact file. The text of a reply is personal data.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.message_ids import campaign_keys, from_key, line_keys
from nightmail.reports import message_queries, queries


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message of the ledger; ``position`` is where a list of messages goes on after it."""

    position: int
    id: str
    line: int
    channel: str
    step: int
    state: str
    reason: str | None
    country: str | None
    language: str | None
    segments: int
    cost: Decimal | None
    currency: str | None
    attempts: int
    carrier_message_id: str | None
    carrier_account: str | None
    sent_from: str | None
    error_code: str | None
    due_at: dt.datetime | None
    """When it is handed off next; ``None`` unless it is queued."""
    handed_off_at: dt.datetime | None
    delivery: str | None
    delivery_at: dt.datetime | None
    delivery_error: str | None
    opened_at: dt.datetime | None
    clicked_at: dt.datetime | None
    replied_at: dt.datetime | None
    duration_s: int | None


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """What a recipient said: ``kind`` is ``text``, or ``key`` for a key pressed in a call."""

    id: int
    received_at: dt.datetime
    channel: str
    kind: str
    text: str | None = field(repr=False)
    message: str | None
    """The id of the message that it answers."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """Messages of a campaign that went alike, counted; cost is in ``currency``."""

    channel: str
    country: str | None
    state: str
    reason: str | None
    delivery: str | None
    messages: int
    segments: int
    cost: Decimal | None
    currency: str | None
    replies: int


def list_messages(
    connection: Connection,
    campaign: CampaignRow,
    *,
    state: str | None = None,
    delivery: str | None = None,
    line: int | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[MessageRow]:
    """The messages of a campaign in the order of the file's rows, by pages; empty until they are in the ledger.

    Only those in ``state``, with ``delivery``, of the row ``line``; ``after`` is the ``position`` of the last one before.
    """
    if campaign.ledger_month is None:
        return []
    first, last = campaign_keys(campaign.id) if line is None else line_keys(campaign.id, line)
    statement, more = message_queries.MESSAGES_OF_CAMPAIGN, {}
    if delivery is not None and delivery not in message_queries.COMMONLY_SAID and line is None:
        statement, more = message_queries.MESSAGES_RARELY_SAID, {"campaign": campaign.id}
    elif state is not None and state not in ("handing_over", "accepted") and line is None:
        statement, more = message_queries.MESSAGES_NOT_ACCEPTED, {"campaign": campaign.id}
    rows = connection.execute(
        text(statement),
        {
            **more,
            "month": campaign.ledger_month,
            "first": first,
            "last": last,
            "after": -1 if after is None else after,
            "state": state,
            "delivery": delivery,
            "limit": limit,
        },
    )
    return [MessageRow(id=str(from_key(row.position, campaign.token)), **row._mapping) for row in rows]


def list_replies(
    connection: Connection, campaign: CampaignRow, *, before_id: int | None = None, limit: int = 100
) -> list[ReplyRow]:
    """What the recipients of a campaign answered, newest first, by pages."""
    values = {"campaign": campaign.id, "before": before_id, "limit": limit}
    return [
        ReplyRow(
            id=row.id,
            received_at=row.received_at,
            channel=row.channel,
            kind=row.kind,
            text=row.text,
            message=None if row.message_key is None else str(from_key(row.message_key, campaign.token)),
        )
        for row in connection.execute(text(queries.REPLIES_OF_CAMPAIGN), values)
    ]


@dataclass(frozen=True, slots=True)
class FrequentReply:
    """The same said by several recipients, and how many times."""

    channel: str
    kind: str
    text: str | None = field(repr=False)
    times: int


def frequent_replies(connection: Connection, limit: int) -> list[FrequentReply]:
    """What recipients of all campaigns said most often."""
    return [
        FrequentReply(**row._mapping) for row in connection.execute(text(queries.FREQUENT_REPLIES), {"limit": limit})
    ]


def report_lines(connection: Connection, campaign: CampaignRow) -> list[ReportLine]:
    """The campaign's messages counted by channel, country, state, reason, delivery and currency, with segments and cost."""
    rows = connection.execute(text(queries.LINES_OF_CAMPAIGN), {"campaign": campaign.id})
    return [ReportLine(**row._mapping) for row in rows]
