"""What a carrier is to Nightmail: the protocol that every adapter keeps, and the words for what comes back.

An adapter (``resources/carriers/<carrier>/``) takes messages one request at a time and says of each what is certain:

>>> for hand_off in carrier.hand_off(batch):
...     ledger.store(hand_off)

``hand_off`` never raises because of the carrier or the network: whatever happens becomes one :class:`HandOff` for each
message, in the order given. Only what was *certainly* not taken is :attr:`Outcome.RETRY_LATER`; what may have been
taken is :attr:`Outcome.IN_DOUBT` and is settled later by :meth:`Carrier.find` or by receipts, never by sending again.

Nothing here imports a carrier's SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from nightmail.carriers.error_tables import ErrorClass, ErrorEntry


class Outcome(StrEnum):
    """What is known of a message after its hand-off."""

    ACCEPTED = "accepted"
    """The carrier took it and named it."""
    REJECTED = "rejected"
    """The carrier said no, and will say so again."""
    RETRY_LATER = "retry_later"
    """The carrier certainly did not take it; it may later."""
    IN_DOUBT = "in_doubt"
    """It may have been taken: the request was written, and no usable answer came."""
    NOT_TRIED = "not_tried"
    """No request was written for it: it may no longer go, or what another message of its batch met holds for it too."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One rendered message, ready for a carrier.

    ``address`` is E.164 or an email address. ``sender`` is a number, a name, an email address or what else the carrier
    sends from, with ``sender_name`` for email; ``None`` takes the account's default. The body of a call is the whole
    call document, as :mod:`nightmail.templates.speech` writes it. ``categories`` are for email and are the feed's, never
    a person's data.
    """

    message_id: str
    address: str
    body: str
    subject: str | None = None
    html: str | None = None
    sender: str | None = None
    sender_name: str | None = None
    reply_to: str | None = None
    reply_token: str | None = None
    """A signed token of the message's own (:mod:`nightmail.privacy.reply_addresses`); it may stand in ``reply_to``."""
    language: str | None = None
    categories: tuple[str, ...] = ()
    unsubscribe_url: str | None = None
    media_urls: tuple[str, ...] = ()
    valid_for_s: int | None = None
    """After this many seconds the carrier should no longer try."""


@dataclass(frozen=True, slots=True)
class HandOff:
    """What became of one message at its hand-off. ``error`` says what the carrier's answer means, unless it took it."""

    message_id: str
    outcome: Outcome
    carrier_message_id: str | None = None
    error: ErrorEntry | None = None
    retry_after_s: float | None = None
    """How long the carrier asks us to wait: a day at most."""
    segments: int | None = None
    cost: Decimal | None = None
    currency: str | None = None

    @classmethod
    def failed(cls, message_id: str, error: ErrorEntry, retry_after_s: float | None = None) -> HandOff:
        """A hand-off that the carrier did not accept: the outcome follows from the error's class."""
        return cls(message_id, _OUTCOMES.get(error.error_class, Outcome.REJECTED), None, error, retry_after_s)

    @property
    def error_code(self) -> str | None:
        """The carrier's code, or ours for an answer without one."""
        return None if self.error is None else self.error.code or None

    @property
    def error_class(self) -> ErrorClass | None:
        """What to do about the error."""
        return None if self.error is None else self.error.error_class

    @property
    def alerts(self) -> bool:
        """Whether a person must be alerted: wrong credentials, a code that is in no table, and the like."""
        return self.error_class in (ErrorClass.STOP_AND_ALERT, ErrorClass.UNKNOWN)


_OUTCOMES = {ErrorClass.RETRY_LATER: Outcome.RETRY_LATER, ErrorClass.IN_DOUBT: Outcome.IN_DOUBT}


class Verdict(StrEnum):
    """What a carrier's own records say of a message in doubt."""

    TAKEN = "taken"
    """A record matches: it was taken."""
    ABSENT = "absent"
    """The records were read and none matches. Silence is no proof: a record may still come."""
    UNKNOWN = "unknown"
    """The records could not be read, or the carrier keeps none."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A message in doubt and when its intent was stored (UTC, by this machine's clock)."""

    message: OutgoingMessage
    since: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one message in doubt."""

    message_id: str
    verdict: Verdict
    carrier_message_id: str | None = None
    status: ReceiptStatus | None = None
    error: ErrorEntry | None = None
    detail: str | None = None


class ReceiptStatus(StrEnum):
    """What receipts say, the same words for every carrier and channel."""

    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    """Email: the receiving server put it off; the carrier retries."""
    RINGING = "ringing"
    DELIVERED = "delivered"
    ANSWERED = "answered"
    """Voice: a person took the call."""
    ANSWERED_BY_MACHINE = "answered_by_machine"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    BOUNCED = "bounced"
    DROPPED = "dropped"
    """Email: the carrier did not try, as the address is on its own suppression list."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    OPENED = "opened"
    CLICKED = "clicked"
    SPAM_REPORT = "spam_report"
    UNSUBSCRIBED = "unsubscribed"


REACHED = frozenset(
    {
        ReceiptStatus.DELIVERED,
        ReceiptStatus.ANSWERED,
        ReceiptStatus.ANSWERED_BY_MACHINE,
        ReceiptStatus.OPENED,
        ReceiptStatus.CLICKED,
        ReceiptStatus.SPAM_REPORT,
        ReceiptStatus.UNSUBSCRIBED,
    }
)
"""The message got there."""

NOT_REACHED = frozenset(
    {
        ReceiptStatus.UNDELIVERED,
        ReceiptStatus.FAILED,
        ReceiptStatus.BOUNCED,
        ReceiptStatus.DROPPED,
        ReceiptStatus.BUSY,
        ReceiptStatus.NO_ANSWER,
        ReceiptStatus.CANCELLED,
    }
)
"""The message will not get there."""

STATUS_RANK: Mapping[ReceiptStatus, int] = {
    ReceiptStatus.QUEUED: 1,
    ReceiptStatus.SENT: 2,
    ReceiptStatus.DEFERRED: 3,
    ReceiptStatus.RINGING: 3,
    **dict.fromkeys(NOT_REACHED, 5),
    ReceiptStatus.DELIVERED: 4,
    ReceiptStatus.ANSWERED: 6,
    ReceiptStatus.ANSWERED_BY_MACHINE: 7,
    ReceiptStatus.OPENED: 8,
    ReceiptStatus.CLICKED: 9,
    ReceiptStatus.SPAM_REPORT: 10,
    ReceiptStatus.UNSUBSCRIBED: 10,
}
"""Receipts come in any order: of two for one message, the one with the higher rank is the message's status.

A bounce after a delivery (an asynchronous bounce) wins over the delivery; an opening wins over both.
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One thing that a carrier said about a message, by webhook or by polling.

    ``event_key`` is the same whenever the carrier repeats an event, so that it is stored once. ``message_id`` is
    ``None`` where the carrier names only its own id. ``address`` is set where the event asks for a suppression.
    """

    carrier: str
    channel: str
    event_key: str
    status: ReceiptStatus
    carrier_message_id: str | None = None
    message_id: str | None = None
    error: ErrorEntry | None = None
    occurred_at: datetime | None = None
    duration_s: int | None = None
    cost: Decimal | None = None
    currency: str | None = None
    address: str | None = field(default=None, repr=False)
    accounts: frozenset[int] | None = None
    """The carrier accounts that it is proved to come from: it says nothing of other accounts' messages. ``None``: any."""

    @property
    def error_code(self) -> str | None:
        """The carrier's code; ``None`` for good news and for bad news without a code."""
        return None if self.error is None else self.error.code or None

    @property
    def error_class(self) -> ErrorClass | None:
        """What the error means for the message and its address."""
        return None if self.error is None else self.error.error_class


class ReplyKind(StrEnum):
    """The form of a reply. STOP, START and HELP are read from texts by the domain, not by the adapter."""

    TEXT = "text"
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or another file that came with a reply: it stays where the carrier keeps it, and is linked to."""

    url: str = field(repr=False)
    content_type: str
    size: int | None = None
    """In bytes, where the carrier says so."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a recipient said. ``sender`` is the recipient's address, ``recipient`` our number or mailbox."""

    carrier: str
    channel: str
    event_key: str
    kind: ReplyKind
    text: str = field(repr=False)
    sender: str = field(repr=False)
    recipient: str
    message_id: str | None = None
    carrier_message_id: str | None = None
    occurred_at: datetime | None = None
    carrier_opt_out: str | None = None
    """``STOP``, ``START`` or ``HELP`` where the carrier itself already acted on the word."""
    recipient_service: str | None = None
    """The service that our number belongs to at the carrier, where teams may send from that instead of the number."""
    subject: str | None = field(default=None, repr=False)
    media: tuple[Media, ...] = ()
    also_to: tuple[str, ...] = ()
    """Further addresses that it was sent to, where the carrier does not say which of them is ours."""
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """What may be signed tokens of the message that it answers, the surest first. Not verified."""
    sender_is_proved: bool = True
    """Whether the carrier vouches for ``sender``. Anybody can write an email in another's name."""
    accounts: frozenset[int] | None = None
    """The carrier accounts that it is proved to come from: it is no reply to other accounts' messages. ``None``: any."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that a carrier took and that has no final receipt yet."""

    message_id: str
    carrier_message_id: str
    handed_off_at: datetime


@dataclass(frozen=True, slots=True)
class Check:
    """What a carrier answered to a question that sends nothing, with the account's credentials (``doctor``)."""

    well: bool
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class CarrierSettings:
    """One account at one carrier, as an adapter needs it.

    ``adapter`` is carrier and channel (``acme_sms``); ``name`` is the account's name in the ledger and reports.
    ``base_url`` chooses host and region; empty takes the carrier's own. ``webhook_base_url`` is Nightmail's public
    address, without which receipts are polled.
    """

    adapter: str
    name: str = ""
    account: str = ""
    secret: str = field(default="", repr=False)
    base_url: str = ""
    sender: str | None = None
    sender_name: str | None = None
    reply_to: str | None = None
    webhook_base_url: str | None = None
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0
    options: Mapping[str, str] = field(default_factory=dict)


MayGo = Callable[[Sequence[OutgoingMessage]], Sequence[OutgoingMessage]]
"""Gives those of some messages that may be handed off at this moment: a campaign may be paused during a batch."""


def all_may_go(messages: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
    """The :data:`MayGo` of callers for whom nothing changes during a batch."""
    return messages


def one_request_each(
    batch: Sequence[OutgoingMessage], may_go: MayGo, hand_off_one: Callable[[OutgoingMessage], HandOff]
) -> list[HandOff]:
    """The hand-off of an adapter whose requests carry one message."""
    return [
        hand_off_one(message) if may_go((message,)) else HandOff(message.message_id, Outcome.NOT_TRIED)
        for message in batch
    ]


@runtime_checkable
class Carrier(Protocol):
    """One account at one carrier for one channel. Not shared between threads: each sender makes its own."""

    @property
    def name(self) -> str:
        """The account's name in the ledger."""

    @property
    def channel(self) -> str:
        """``sms``, ``email``, ``voice`` or ``chat``."""

    @property
    def maximum_batch(self) -> int:
        """The most messages of one :meth:`hand_off`: 1 where a request carries one message."""

    def hand_off(self, batch: Sequence[OutgoingMessage], may_go: MayGo = all_may_go) -> list[HandOff]:
        """Hand the messages over; one outcome each, in order. Never raises for what the carrier or network does.

        Before each request it asks ``may_go`` which of the request's messages may go at this moment, and leaves the
        others :attr:`Outcome.NOT_TRIED`: a pause does not wait for the batch's end.
        """

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """Look messages in doubt up in the carrier's own records; one finding each, in order.

        ``claimed`` gives those of some carrier message ids that already belong to other messages, so that two equal
        texts to one recipient are not taken for each other.
        """

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """Receipts of messages, asked for where no webhook can reach us. Empty where the carrier has none."""

    def poll_replies(self, since: datetime) -> list[Reply]:
        """Replies that arrived since then, asked for where no webhook can reach us."""

    def check(self) -> Check:
        """Whether the carrier answers and takes the credentials; sends nothing."""

    def close(self) -> None:
        """Close connections."""
