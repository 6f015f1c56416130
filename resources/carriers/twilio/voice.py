"""Calls by Twilio, through the real ``twilio`` SDK.

``sender`` is a number of the account or a verified caller id. A stored call document is TwiML already; a plain text is spoken.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from nightmail.carriers.error_tables import ErrorClass, error_entry
from nightmail.carriers.protocol import (
    CarrierSettings,
    HandOff,
    InDoubt,
    Outcome,
    OutgoingMessage,
    Reply,
)
from nightmail.carriers.webhooks import webhook_address, with_keys_for
from nightmail.channels import VOICE
from resources.carriers.twilio import paths
from resources.carriers.twilio.account import TwilioAccount
from resources.carriers.twilio.connection import price
from resources.carriers.twilio.errors import ERRORS
from resources.carriers.twilio.paths import NAME
from resources.carriers.twilio.statuses import call_status

LONGEST_TWIML = 4000
EVENTS = ["initiated", "ringing", "answered", "completed"]


class TwilioVoice(TwilioAccount):
    """One Twilio account's calls. Its records keep no text to compare: the same caller has to do."""

    channel = VOICE.name

    def __init__(self, settings: CarrierSettings) -> None:
        super().__init__(
            settings,
            kind="calls",
            time="start_time",
            same=_same_caller,
            status=lambda record: call_status(record.status, record.answered_by),
        )
        self._detection = settings.options.get("machine_detection", "DetectMessageEnd")
        self._ring_s = int(settings.options.get("ring_s", "30"))

    def _hand_off_one(self, message: OutgoingMessage) -> HandOff:
        sender = message.sender or self._settings.sender
        if not sender:
            return HandOff.failed(message.message_id, ERRORS.entry("21213"))
        twiml = document(message)
        if len(twiml) > LONGEST_TWIML:
            text = f"the call's document has {len(twiml)} characters; the carrier takes {LONGEST_TWIML}"
            too_long = error_entry("twiml_too_long", ErrorClass.PERMANENT_MESSAGE, text)
            return HandOff.failed(message.message_id, too_long)
        fields: dict[str, Any] = {"to": message.address, "from_": sender, "twiml": twiml, "timeout": self._ring_s}
        if self._detection != "off":
            fields["machine_detection"] = self._detection
        if self._settings.webhook_base_url:
            fields["status_callback"] = webhook_address(
                self._settings.webhook_base_url, paths.CALL_STATUS, message.message_id
            )
            fields["status_callback_event"] = EVENTS
        try:
            taken = self._list.create(**fields)
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

    def poll_replies(self, since: datetime) -> list[Reply]:  # noqa: ARG002
        """None: pressed keys come by webhook only."""
        return []


def document(message: OutgoingMessage) -> str:
    """The TwiML of a call; a body that is a plain text is spoken."""
    if message.body.lstrip().startswith("<"):
        return with_keys_for(message.body, NAME)
    return f"<Response><Say>{escape(message.body)}</Say></Response>"


def _same_caller(doubt: InDoubt, record: Any) -> bool:
    sender = doubt.message.sender
    # The SDK keeps a call's caller under another name than a text's sender, ``from_``.
    caller = record._from
    return not sender or not caller or bool(caller == sender)
