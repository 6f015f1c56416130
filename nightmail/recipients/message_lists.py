"""Lists of messages with filters: of a campaign, of a recipient, or of some days.

A page looks at a bounded number of the ledger's rows, found by an index in the list's order, and shows those of them that fit.
Where few fit it ends before it is full, says how many were looked at, and its last place is where the next page goes on: the
time of a page depends neither on the size of the ledger nor on how rare what is looked for is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.decisions import allowed, sees_personal
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import record_look
from nightmail.campaigns.campaign_rows import CampaignRow, find_campaign
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.message_ids import campaign_keys
from nightmail.privacy.masking import shown_address
from nightmail.recipients.digests import stored
from nightmail.recipients.lookup import Recipient, RecipientKind, seen_teams
from nightmail.recipients.message_list_queries import OF_CAMPAIGN, OF_DAYS, OF_RECIPIENT
from nightmail.recipients.message_stories import LedgerMessage, facts_of

LOOKED_AT = 2_000
"""Rows of the ledger that a page looks at, at most."""
MOST_DAYS = 31
"""Days of a list that names no campaign and no recipient."""
DELIVERIES = {
    "reached": sorted(str(status) for status in REACHED),
    "not_reached": sorted(str(status) for status in NOT_REACHED),
}
"""Several deliveries under one name; ``none`` is a message of which no receipt tells."""
NO_DELIVERY = "none"


class Scope(StrEnum):
    """By what a list is bounded, which is also its order."""

    CAMPAIGN = "campaign"
    """One campaign, in the order of its file."""
    RECIPIENT = "recipient"
    """One recipient, the newest first."""
    DAYS = "days"
    """Hand-offs and decisions of some days, the newest first; what is not due yet has no day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """What is wanted. ``reason`` is a reason's code or a carrier's error code."""

    campaign: str | None = None
    recipient: Recipient | None = None
    team: str | None = None
    channel: str | None = None
    state: str | None = None
    delivery: str | None = None
    reason: str | None = None
    country: str | None = None
    feed: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def scope(self) -> Scope:
        """By what the list is bounded."""
        if self.campaign is not None:
            return Scope.CAMPAIGN
        return Scope.DAYS if self.recipient is None else Scope.RECIPIENT


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """A place in a list: after the message of this time and key."""

    at: dt.datetime
    key: int


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message of a list; ``shown`` is its address, as much of it as the reader may see."""

    message: LedgerMessage
    at: dt.datetime
    """When it was handed off or decided, else when it was planned."""
    shown: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of a list."""

    rows: tuple[ListedMessage, ...]
    next: MessagePlace | None
    """Where the list goes on; ``None`` at its end."""
    looked_at: int
    """Messages among which these were found, where the page ended before it was full; else 0."""
    campaign: CampaignRow | None = field(default=None, repr=False)


def default_days(now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """The days of a list that names none: the last seven."""
    return now - dt.timedelta(days=7), now + dt.timedelta(minutes=1)


def list_messages(
    connection: Connection,
    principal: Principal,
    wanted: MessageFilter,
    *,
    after: MessagePlace | None = None,
    limit: int = 50,
    looked_at: int = LOOKED_AT,
) -> MessagePage:
    """A page of the messages that fit and that ``principal`` may see.

    That addresses were shown is recorded in the connection's transaction. Without a campaign and a recipient the list is of
    ``since`` to ``until``, at most :data:`MOST_DAYS`, and of the last seven days where they are missing.

    Raises :class:`~nightmail.errors.UsageError` (``team_unknown``) and
    :class:`~nightmail.errors.NightmailError` (``not_permitted``).
    """
    teams = seen_teams(principal, wanted.team)
    values = _values(wanted, teams, limit=limit + 1, looked_at=looked_at)
    campaign = None
    match wanted.scope:
        case Scope.CAMPAIGN:
            campaign = find_campaign(connection, wanted.campaign or "")
            if campaign is None or not allowed(principal, Permission.MESSAGE_SEE, campaign.team).yes:
                return MessagePage((), None, 0)
            if campaign.ledger_month is None:
                return MessagePage((), None, 0, campaign)
            first, last = campaign_keys(campaign.id)
            start = first - 1 if after is None else min(max(after.key, first - 1), last)
            values |= {"month": campaign.ledger_month, "after": start, "last": last}
            statement = OF_CAMPAIGN
        case Scope.RECIPIENT:
            statement, values = OF_RECIPIENT, values | _of_recipient(wanted, after)
        case Scope.DAYS:
            statement, values = OF_DAYS, values | _of_days(wanted, after)
    rows = list(connection.execute(text(statement), values).mappings())
    found = [row for row in rows if row["message_key"] is not None]
    page = tuple(_listed(principal, row) for row in found[:limit])
    _record(connection, principal, wanted, page)
    edge = rows[0] if rows else None
    if len(found) > limit:
        return MessagePage(page, MessagePlace(page[-1].at, page[-1].message.message_key), 0, campaign)
    if edge is None or edge["looked"] < looked_at:
        return MessagePage(page, None, 0, campaign)
    return MessagePage(page, MessagePlace(edge["edge_at"], edge["edge_key"]), edge["looked"], campaign)


def every_message(
    connection: Connection, principal: Principal, wanted: MessageFilter, *, page: int = 1_000
) -> Iterator[ListedMessage]:
    """All messages that fit, page after page, each in a transaction of its own: what was shown of a page is recorded with it."""
    after: MessagePlace | None = None
    while True:
        found = list_messages(connection, principal, wanted, after=after, limit=page)
        connection.commit()
        yield from found.rows
        if found.next is None:
            return
        after = found.next


def _values(wanted: MessageFilter, teams: Sequence[str], *, limit: int, looked_at: int) -> dict[str, Any]:
    deliveries: list[str] | None = None
    if wanted.delivery is not None and wanted.delivery != NO_DELIVERY:
        deliveries = DELIVERIES.get(wanted.delivery, [wanted.delivery])
    return {
        "teams": list(teams),
        "channel": wanted.channel,
        "state": wanted.state,
        "deliveries": deliveries,
        "no_delivery": wanted.delivery == NO_DELIVERY,
        "reason": wanted.reason,
        "country": wanted.country,
        "feed": wanted.feed,
        "since": wanted.since,
        "until": wanted.until,
        "limit": limit,
        "window": looked_at,
    }


def _of_recipient(wanted: MessageFilter, after: MessagePlace | None) -> dict[str, Any]:
    recipient = wanted.recipient
    digests = [] if recipient is None else [recipient.digest]
    is_contact = recipient is not None and recipient.kind is RecipientKind.CONTACT
    return {
        "addresses": stored([] if is_contact else digests),
        "contacts": digests if is_contact else [],
        "before": 2**62 if after is None else after.key,
    }


def _of_days(wanted: MessageFilter, after: MessagePlace | None) -> dict[str, Any]:
    first, last = default_days(dt.datetime.now(dt.UTC))
    until = wanted.until or (last if wanted.since is None else wanted.since + dt.timedelta(days=MOST_DAYS))
    since = wanted.since or until - (last - first)
    since = max(since, until - dt.timedelta(days=MOST_DAYS, hours=1))
    return {
        "since": since,
        "until": until,
        "before_at": until if after is None else min(after.at, until),
        "before_key": 2**62 if after is None else after.key,
    }


def _listed(principal: Principal, row: Any) -> ListedMessage:
    message = facts_of(row)
    shown = shown_address(row["address"], personal=sees_personal(principal, message.team))
    return ListedMessage(message, row["at"], shown)


def _record(connection: Connection, principal: Principal, wanted: MessageFilter, page: Sequence[ListedMessage]) -> None:
    people: dict[tuple[int, str], set[str]] = {}
    for listed in page:
        if listed.shown and sees_personal(principal, listed.message.team):
            place = (listed.message.team_id, listed.message.team)
            people.setdefault(place, set()).add(listed.message.address_hash)
    subject = f"campaign:{wanted.campaign}" if wanted.campaign else "messages"
    for (team_id, _), shown in people.items():
        record_look(
            connection, actor=principal.actor, subject=subject, team_id=team_id, shown=("address",), count=len(shown)
        )
