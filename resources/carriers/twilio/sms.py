"""SMS (and MMS) by Twilio, through the real ``twilio`` SDK.

``sender`` is a number, a name of up to 11 letters, a short code or a messaging service (``MG...``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nightmail.carriers.protocol import (
    CarrierSettings,
    HandOff,
    InDoubt,
    Media,
    Outcome,
    OutgoingMessage,
    Reply,
    ReplyKind,
)
from nightmail.carriers.webhooks import webhook_address
from nightmail.channels import SMS
from resources.carriers.twilio import paths
from resources.carriers.twilio.account import TwilioAccount
from resources.carriers.twilio.connection import TWILIO_URL, price, utc
from resources.carriers.twilio.errors import ERRORS
from resources.carriers.twilio.records import CLOCK_SKEW, UNREADABLE
from resources.carriers.twilio.statuses import MESSAGE_STATUS

LONGEST_VALIDITY_S = 36_000
MOST_MEDIA = 10
"""Of one text: Twilio takes no more."""


class TwilioSms(TwilioAccount):
    """One Twilio account's SMS. Its records are compared by sender and text."""

    channel = SMS.name

    def __init__(self, settings: CarrierSettings) -> None:
        super().__init__(
            settings,
            kind="messages",
            time="date_sent",
            same=_same_text,
            status=lambda record: MESSAGE_STATUS.get(record.status),
        )

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        sender = message.sender or self._settings.sender
        if not sender:
            return HandOff.failed(message.message_id, ERRORS.entry("21603"))
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
                self._settings.webhook_base_url, paths.MESSAGE_STATUS, message.message_id
            )
        try:
            taken = self._list.create(**fields)
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

    def poll_replies(self, since: datetime) -> list[Reply]:
        """Inbound messages in the records."""
        asked = self._records.on_their_clock(since)
        replies = self._replies(asked)
        # How far apart the clocks are is known from an answer only, which may have been the first.
        right = self._records.on_their_clock(since)
        return self._replies(right) if right < asked - CLOCK_SKEW else replies

    def _replies(self, since: datetime) -> list[Reply]:
        replies: list[Reply] = []
        try:
            for record in self._list.stream(date_sent_after=since, limit=5000, page_size=1000):
                if record.direction == "inbound" and record.from_ and record.to:
                    replies.append(self._reply(record))  # noqa: PERF401 - what was read before an error counts
        except UNREADABLE:
            return replies
        return replies

    def _reply(self, record: Any) -> Reply:
        return Reply(
            carrier=self.name,
            channel=self.channel,
            event_key=record.sid,
            kind=ReplyKind.TEXT,
            text=record.body or "",
            sender=record.from_,
            recipient=record.to,
            recipient_service=record.messaging_service_sid or None,
            media=self._media(record),
            carrier_message_id=record.sid,
            occurred_at=utc(record.date_created),
        )

    def _media(self, record: Any) -> tuple[Media, ...]:
        """Links to what came with a text; one to their list where Twilio does not give them now: the reply does not wait."""
        count = str(record.num_media or "0")
        if not count.isdigit() or int(count) == 0:
            return ()
        base = (self._settings.base_url or TWILIO_URL).rstrip("/")
        try:
            found = self._connection.client.messages(record.sid).media.list(limit=MOST_MEDIA)
            return tuple(
                Media(f"{base}{each.uri.removesuffix('.json')}"[:2_000], str(each.content_type or "")[:200])
                for each in found
            )
        except UNREADABLE:
            return (Media(f"{base}{record.uri.removesuffix('.json')}/Media.json"[:2_000], ""),)


def _same_text(doubt: InDoubt, record: Any) -> bool:
    sender = doubt.message.sender
    if sender and not sender.startswith("MG") and record.from_ and record.from_ != sender:
        return False
    # A trial account's texts get a sentence in front, and blanks at the ends are not kept.
    return (record.body or "").strip().endswith(doubt.message.body.strip())
