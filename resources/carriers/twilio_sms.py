"""SMS (and MMS) by Twilio, through the real ``twilio`` SDK.

Settings: ``account`` is the account SID, ``secret`` the auth token; ``sender`` a number, a name of up to 11 letters, a
short code or a messaging service (``MG...``). ``base_url`` chooses the region: ``https://api.dublin.ie1.twilio.com``
for Ireland; the token must then be that region's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from nightmail.sending.carrier import (
    CarrierSettings,
    Check,
    Finding,
    HandOff,
    InDoubt,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    Reply,
    ReplyKind,
)
from nightmail.sending.error_classes import ErrorClass
from nightmail.sending.webhook_paths import TWILIO_MESSAGE_STATUS, webhook_address
from resources.carriers.twilio_connection import TwilioConnection, price, utc
from resources.carriers.twilio_records import CLOCK_SKEW, MESSAGE_STATUS, UNREADABLE, Records

LONGEST_VALIDITY_S = 36_000


class TwilioSms:
    """One Twilio account's SMS."""

    channel = "sms"
    maximum_batch = 1

    def __init__(self, settings: CarrierSettings) -> None:
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._connection = TwilioConnection(settings)
        self._messages = self._connection.client.messages
        self._records = Records(
            channel=self.channel,
            name=self.name,
            by_recipient=self._by_recipient,
            between=self._between,
            one=lambda sid: self._connection.client.messages(sid).fetch(),
            same_text=_same_text,
            status=lambda record: MESSAGE_STATUS.get(record.status),
            clock_offset=lambda: self._connection.keep_alive.clock_offset,
        )

    def hand_off(self, batch: Sequence[OutgoingMessage]) -> list[HandOff]:
        """One request per message, each written once."""
        return [self._hand_off_one(message) for message in batch]

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        sender = message.sender or self._settings.sender
        if not sender:
            return HandOff(
                message.message_id,
                Outcome.REJECTED,
                None,
                "21603",
                ErrorClass.STOP_AND_ALERT,
                "a message without a sender",
            )
        fields: dict[str, Any] = {"to": message.address}
        fields["messaging_service_sid" if sender.startswith("MG") and len(sender) == 34 else "from_"] = sender
        if message.body:
            fields["body"] = message.body
        if message.media_urls:
            fields["media_url"] = list(message.media_urls)
        if message.valid_for_s is not None:
            fields["validity_period"] = max(min(message.valid_for_s, LONGEST_VALIDITY_S), 1)
        if self._settings.webhook_base_url:
            fields["status_callback"] = webhook_address(
                self._settings.webhook_base_url, TWILIO_MESSAGE_STATUS, message.message_id
            )
        try:
            taken = self._messages.create(**fields)
            if not taken.sid:
                raise ValueError("an answer without a SID")
        except Exception as error:
            return self._connection.failed(message.message_id, message.address, error)
        segments = int(taken.num_segments) if taken.num_segments and taken.num_segments.isdigit() else 0
        return HandOff(
            message.message_id,
            Outcome.ACCEPTED,
            taken.sid,
            segments=segments or None,
            cost=price(taken.price),
            currency=taken.price_unit.upper() if taken.price_unit else None,
        )

    def _by_recipient(self, address: str) -> Iterator[Any]:
        # Not narrowed by the time sent: a message that waits in Twilio's queue has none yet.
        return iter(self._messages.stream(to=address, page_size=50))

    def _between(self, first: datetime, last: datetime, limit: int) -> Iterator[Any]:
        return iter(self._messages.stream(date_sent_after=first, date_sent_before=last, limit=limit, page_size=1000))

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """Messages to the same recipient, from the same sender, with the same text, since the intent."""
        return self._records.find(doubtful, claimed)

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The records' present status."""
        return self._records.poll(pending)

    def poll_replies(self, since: datetime) -> list[Reply]:
        """Inbound messages in the records."""
        asked = self._records.on_their_clock(since)
        replies = self._replies(asked)
        # Only the answer told how far apart the clocks are, if nothing was asked before.
        right = self._records.on_their_clock(since)
        return self._replies(right) if right < asked - CLOCK_SKEW else replies

    def _replies(self, since: datetime) -> list[Reply]:
        replies: list[Reply] = []
        try:
            replies.extend(
                Reply(
                    carrier=self.name,
                    channel=self.channel,
                    event_key=record.sid,
                    kind=ReplyKind.TEXT,
                    text=record.body or "",
                    sender=record.from_,
                    recipient=record.to,
                    carrier_message_id=record.sid,
                    occurred_at=utc(record.date_created),
                )
                for record in self._messages.stream(date_sent_after=since, limit=5000, page_size=1000)
                if record.direction == "inbound" and record.from_ and record.to
            )
        except UNREADABLE:
            return replies
        return replies

    def check(self) -> Check:
        """Whether Twilio takes the credentials."""
        return self._connection.check()

    def close(self) -> None:
        """Close the connection."""
        self._connection.keep_alive.close()


def _same_text(doubt: InDoubt, record: Any) -> bool:
    sender = doubt.message.sender
    if sender and not sender.startswith("MG") and record.from_ and record.from_ != sender:
        return False
    # A trial account's texts get a sentence in front, and blanks at the ends are not kept.
    return (record.body or "").strip().endswith(doubt.message.body.strip())


def build(settings: CarrierSettings) -> TwilioSms:
    """The adapter for an account."""
    return TwilioSms(settings)
