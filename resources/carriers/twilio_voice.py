"""Calls by Twilio, through the real ``twilio`` SDK.

Settings as in :mod:`resources.carriers.twilio_sms`; ``sender`` is a number of the account or a verified caller id.
Options: ``machine_detection`` (``DetectMessageEnd`` by default, so that a machine's recording has the whole text;
``Enable``, which is quicker, or ``off``) and ``ring_s`` (30), the seconds of ringing before it counts as no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

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
)
from nightmail.sending.error_classes import ErrorClass
from nightmail.sending.webhook_paths import TWILIO_CALL_STATUS, webhook_address
from resources.carriers.twilio_connection import TwilioConnection, price
from resources.carriers.twilio_records import Records, call_status

LONGEST_TWIML = 4000
EVENTS = ["initiated", "ringing", "answered", "completed"]


class TwilioVoice:
    """One Twilio account's calls."""

    channel = "voice"
    maximum_batch = 1

    def __init__(self, settings: CarrierSettings) -> None:
        self.name = settings.name or settings.adapter
        self._settings = settings
        self._connection = TwilioConnection(settings)
        self._calls = self._connection.client.calls
        self._detection = settings.options.get("machine_detection", "DetectMessageEnd")
        self._ring_s = int(settings.options.get("ring_s", "30"))
        self._records = Records(
            channel=self.channel,
            name=self.name,
            by_recipient=self._by_recipient,
            between=self._between,
            one=lambda sid: self._connection.client.calls(sid).fetch(),
            same_text=_same_caller,
            status=lambda record: call_status(record.status, record.answered_by),
            clock_offset=lambda: self._connection.keep_alive.clock_offset,
        )

    def hand_off(self, batch: Sequence[OutgoingMessage]) -> list[HandOff]:
        """One request per call, each written once."""
        return [self._hand_off_one(message) for message in batch]

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        sender = message.sender or self._settings.sender
        if not sender:
            return _refused(message, "21213", ErrorClass.STOP_AND_ALERT, "a call without a caller's number")
        twiml = document(message)
        if len(twiml) > LONGEST_TWIML:
            text = f"the call's document has {len(twiml)} characters; the carrier takes {LONGEST_TWIML}"
            return _refused(message, "twiml_too_long", ErrorClass.PERMANENT_MESSAGE, text)
        fields: dict[str, Any] = {"to": message.address, "from_": sender, "twiml": twiml, "timeout": self._ring_s}
        if self._detection != "off":
            fields["machine_detection"] = self._detection
        if self._settings.webhook_base_url:
            fields["status_callback"] = webhook_address(
                self._settings.webhook_base_url, TWILIO_CALL_STATUS, message.message_id
            )
            fields["status_callback_event"] = EVENTS
        try:
            taken = self._calls.create(**fields)
            if not taken.sid:
                raise ValueError("an answer without a SID")
        except Exception as error:
            return self._connection.failed(message.message_id, message.address, error)
        return HandOff(
            message.message_id,
            Outcome.ACCEPTED,
            taken.sid,
            cost=price(taken.price),
            currency=taken.price_unit.upper() if taken.price_unit else None,
        )

    def _by_recipient(self, address: str) -> Iterator[Any]:
        # Not narrowed by the start: a call that waits in Twilio's queue has not started yet.
        return iter(self._calls.stream(to=address, page_size=50))

    def _between(self, first: datetime, last: datetime, limit: int) -> Iterator[Any]:
        return iter(self._calls.stream(start_time_after=first, start_time_before=last, limit=limit, page_size=1000))

    def find(self, doubtful: Sequence[InDoubt], claimed: Callable[[Iterable[str]], set[str]]) -> list[Finding]:
        """Calls to the same recipient by the same caller since the intent: the records keep no text to compare."""
        return self._records.find(doubtful, claimed)

    def poll(self, pending: Sequence[Pending]) -> list[Receipt]:
        """The records' present status."""
        return self._records.poll(pending)

    def poll_replies(self, since: datetime) -> list[Reply]:  # noqa: ARG002
        """None: keys that were pressed are told by webhook only."""
        return []

    def check(self) -> Check:
        """Whether Twilio takes the credentials."""
        return self._connection.check()

    def close(self) -> None:
        """Close the connection."""
        self._connection.keep_alive.close()


def document(message: OutgoingMessage) -> str:
    """The TwiML of a call; a body that is a plain text is spoken."""
    if message.body.lstrip().startswith("<"):
        return message.body
    return f"<Response><Say>{escape(message.body)}</Say></Response>"


def _same_caller(doubt: InDoubt, record: Any) -> bool:
    sender = doubt.message.sender
    return not sender or not record.from_ or bool(record.from_ == sender)


def _refused(message: OutgoingMessage, code: str, error_class: ErrorClass, text: str) -> HandOff:
    return HandOff(message.message_id, Outcome.REJECTED, None, code, error_class, text)


def build(settings: CarrierSettings) -> TwilioVoice:
    """The adapter for an account."""
    return TwilioVoice(settings)
