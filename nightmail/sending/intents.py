"""Intents: the statement that commits them, one for each message, before its hand-off.

The intent takes due messages of one campaign and channel with ``for update skip locked``, looks once more at
suppression, consent, category choice, campaign state, cut-off and epoch, and at what became of the channels before this
one; it holds what may not go, and marks the rest ``handing_over`` in the sender's name. All of it is one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import REACHED, OutgoingMessage
from nightmail.channels import CHANNELS, Unit
from nightmail.organisation.audience_rules import StatedCap, StatedRules, caps_on
from nightmail.organisation.routes import Route
from nightmail.privacy import AddressHash
from nightmail.sending.cap_queries import LOCK_CAPS
from nightmail.sending.sender_queries import ATTEMPTS_NOT_COUNTED, CLAIMS, FAIL_WITHOUT_TEXT, RELEASE_UNKNOWN
from nightmail.store.driver_rows import rows_as

MAXIMUM_ATTEMPTS = 12
_REACHED = [str(status) for status in REACHED]


@dataclass(frozen=True, slots=True)
class CampaignInHand:
    """What a sender keeps of a campaign while it hands its messages off. Read again every few seconds."""

    row: CampaignRow
    teams: list[int]
    """The campaign's team and those above it: whose suppressions and consents count."""
    has_standby: bool
    """Whether channels follow one another in it."""
    has_preferences: bool
    urgent: bool = False
    """Whether it goes to contacts who paused all else, and frequency caps do not hold for it."""
    has_withdrawals: bool = False
    """Whether anybody has withdrawn a consent to its category, which holds though the category needs none."""
    rules: tuple[StatedRules, ...] = ()
    """What its team and those above it forbid."""

    def caps(self, channel: str) -> list[StatedCap]:
        """The frequency caps that bind its messages on a channel."""
        return list(caps_on(self.rules, self.row.category, channel, urgent=self.urgent))

    @property
    def asks_contact(self) -> bool:
        """Whether what may go depends on consents or preferences, which people change at any time."""
        return self.asks_consent or self.has_preferences

    @property
    def asks_consent(self) -> bool:
        """Whether consents are looked at for each message."""
        return self.row.needs_consent or self.has_withdrawals


class OwnQuietHours(NamedTuple):
    """What a contact's preference says of quiet hours."""

    begin: str | None
    end: str | None
    time_zone: str | None


NO_QUIET_HOURS = OwnQuietHours(None, None, None)


@dataclass(slots=True)
class Intent:
    """One message in a sender's hands: its intent is committed."""

    campaign: CampaignInHand
    route: Route
    sender_run_id: int
    key: int
    number: int
    """Of the attempt."""
    segments: int
    address_hash: AddressHash
    time_zone: str | None
    country: str | None
    message: OutgoingMessage
    taken_at: float
    """On the sender's own boot-time clock, before the statement: the intent is not acted on when it is old."""
    contact_id: str = ""
    quiet: OwnQuietHours = NO_QUIET_HOURS
    not_counted: int = 0
    """Attempts before this one that do not count for :data:`MAXIMUM_ATTEMPTS`; looked up when there were as many."""


class Content(NamedTuple):
    """The rendered text of one message, and the address that it goes to."""

    message_id: str
    language: str | None
    address: str
    subject: str | None
    body: str
    html: str | None


class _ClaimedRow(NamedTuple):
    """One row of a statement of :data:`CLAIMS`; of ``held`` alone when nothing was taken."""

    message_key: int
    line: int
    step: int
    number: int
    segments: int
    language: str | None
    address_hash: AddressHash
    contact_id: str
    time_zone: str | None
    country: str | None
    address: str
    subject: str | None
    body: str
    html: str | None
    quiet_from: str | None
    quiet_until: str | None
    own_zone: str | None
    held: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What became of due messages that a sender asked for."""

    intents: list[Intent]
    held: int = 0
    """Messages that were held, are not needed or have no text any more."""


class Portion(NamedTuple):
    """Which of a hundred messages take a route: from the first up to but without the second."""

    begin: int
    end: int


Compose = Callable[[CampaignInHand, Route, list[Content]], list[OutgoingMessage]]


def claim(
    connection: Connection[Any],
    campaign: CampaignInHand,
    route: Route,
    *,
    sender_run_id: int,
    epoch: int,
    timeline: int,
    limit: int,
    taken_at: float,
    compose: Compose,
    portion: Portion | None = None,
) -> Claim:
    """Take up to ``limit`` due messages of a campaign on a route's channel: their intents are committed.

    Only those of a ``portion``, where one is stated.

    ``compose(campaign, route, contents)`` makes the messages that the carrier gets.
    """
    row = campaign.row
    channel = route.account.channel
    caps = campaign.caps(channel)
    with _caps_locked(connection, caps), connection.cursor(row_factory=rows_as(_ClaimedRow)) as cursor:
        rows = cursor.execute(
            CLAIMS[
                campaign.asks_consent, campaign.has_preferences, campaign.has_standby, portion is not None, bool(caps)
            ],
            {
                "month": row.ledger_month,
                "campaign": row.id,
                "channel": channel,
                "epoch": epoch,
                "timeline": timeline,
                "limit": limit,
                "teams": campaign.teams,
                "team": row.team_id,
                "category": row.category,
                "needs_consent": row.needs_consent,
                "urgent": campaign.urgent,
                "run": sender_run_id,
                "account": route.account.id,
                "sent_from": route.sent_from_id,
                "reached": _REACHED,
                "portion_from": portion.begin if portion else None,
                "portion_to": portion.end if portion else None,
                "caps": Jsonb([{"team": each.team, **each.cap.model_dump(mode="json")} for each in caps]),
            },
        ).fetchall()
    held = int(rows[0].held) if rows else 0
    if not rows or rows[0].message_key is None:
        return Claim([], held)
    if without := [taken.message_key for taken in rows if taken.address is None]:
        connection.execute(FAIL_WITHOUT_TEXT, {"month": row.ledger_month, "keys": without, "run": sender_run_id})
        rows = [taken for taken in rows if taken.address is not None]
        held += len(without)
    begins = f"{row.token}-"
    # Without preferences the statement leaves them out: nothing is made for each message then.
    own = campaign.has_preferences
    contents = [
        Content(
            f"{begins}{taken.line}-{channel}-{taken.step}",
            taken.language,
            taken.address,
            taken.subject,
            taken.body,
            taken.html,
        )
        for taken in rows
    ]
    intents = [
        Intent(
            campaign,
            route,
            sender_run_id,
            key=taken.message_key,
            number=taken.number,
            segments=taken.segments,
            address_hash=taken.address_hash,
            time_zone=taken.time_zone,
            country=taken.country,
            message=message,
            taken_at=taken_at,
            contact_id=taken.contact_id,
            quiet=OwnQuietHours(taken.quiet_from, taken.quiet_until, taken.own_zone) if own else NO_QUIET_HOURS,
        )
        for taken, message in zip(rows, compose(campaign, route, contents), strict=True)
    ]
    _look_up_not_counted(connection, row, intents)
    return Claim(intents, held)


@contextmanager
def _caps_locked(connection: Connection[Any], caps: Sequence[StatedCap]) -> Iterator[None]:
    """Keep others from taking messages under the same caps until what is taken here is committed."""
    if not caps:
        yield
        return
    with connection.transaction():
        connection.execute(LOCK_CAPS, ([each.team_id for each in caps],))
        yield


def _look_up_not_counted(connection: Connection[Any], campaign: CampaignRow, intents: Sequence[Intent]) -> None:
    often = [intent for intent in intents if intent.number >= MAXIMUM_ATTEMPTS]
    if not often:
        return
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            ATTEMPTS_NOT_COUNTED, {"month": campaign.ledger_month, "keys": [intent.key for intent in often]}
        ).fetchall()
    not_counted = {row["message_key"]: row["attempts"] for row in rows}
    for intent in often:
        intent.not_counted = not_counted.get(intent.key, 0)


def units_of(intents: Sequence[Intent]) -> int:
    """What intents of one route count for at its pace."""
    if intents and CHANNELS[intents[0].route.account.channel].rate_unit is Unit.SEGMENT:
        return sum(intent.segments for intent in intents)
    return len(intents)


def release_unknown(connection: Connection[Any], sender_run_id: int, known: Sequence[int]) -> int:
    """Give back intents of this sender that it never learned of, as the answer to its claim was lost; returns how many."""
    return connection.execute(RELEASE_UNKNOWN, (sender_run_id, list(known))).rowcount
