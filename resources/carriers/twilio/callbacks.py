"""Twilio's forms as our receipts and replies. Check the signature first (:mod:`resources.carriers.twilio.signatures`).

``form`` is the posted form, one value for each name; ``message_id`` is from the query of the address that was called.
A form that is not Twilio's raises ``ValueError``: the portal answers 400 and nothing is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from nightmail.carriers.error_tables import ErrorEntry
from nightmail.carriers.protocol import Media, Receipt, Reply, ReplyKind
from nightmail.channels import SMS, VOICE
from nightmail.message_ids import is_message_id
from resources.carriers.twilio.errors import ERRORS
from resources.carriers.twilio.forms import Accounts
from resources.carriers.twilio.statuses import MESSAGE_STATUS, call_status

_COUNT = re.compile(r"[0-9]{1,8}")


def message_status(
    form: Mapping[str, str], message_id: str | None, carrier: str = "twilio", accounts: Accounts | None = None
) -> Receipt | None:
    """The receipt in a message's status callback; ``None`` for a status that says nothing new."""
    sid = _required(form, "MessageSid")
    said = _required(form, "MessageStatus")
    status = MESSAGE_STATUS.get(said)
    if status is None:
        return None
    error = _error(form)
    return Receipt(
        carrier=carrier,
        channel=SMS.name,
        event_key=f"{sid}:{said}",
        status=status,
        carrier_message_id=sid,
        message_id=_known_form(message_id),
        error=error,
        address=form.get("To") or None if error is not None and error.suppress_as is not None else None,
        accounts=accounts,
    )


def call_status_receipt(
    form: Mapping[str, str], message_id: str | None, carrier: str = "twilio", accounts: Accounts | None = None
) -> Receipt | None:
    """The receipt in a call's progress callback; ``None`` for a status that says nothing new."""
    sid = _required(form, "CallSid")
    said = _required(form, "CallStatus")
    status = call_status(said, form.get("AnsweredBy"))
    if status is None:
        return None
    duration = form.get("CallDuration", "")
    error = _error(form)
    return Receipt(
        carrier=carrier,
        channel=VOICE.name,
        event_key=f"{sid}:{said}",
        status=status,
        carrier_message_id=sid,
        message_id=_known_form(message_id),
        error=error,
        occurred_at=_time(form.get("Timestamp")),
        duration_s=int(duration) if _COUNT.fullmatch(duration) and said == "completed" else None,
        address=form.get("To") or None if error is not None and error.suppress_as is not None else None,
        accounts=accounts,
    )


def pressed_key(form: Mapping[str, str], message_id: str | None, carrier: str = "twilio") -> Reply | None:
    """The key pressed in a call; ``None`` when none was."""
    sid = _required(form, "CallSid")
    digits = form.get("Digits", "").strip()
    if not digits:
        return None
    return Reply(
        carrier=carrier,
        channel=VOICE.name,
        event_key=f"{sid}:key:{digits}",
        kind=ReplyKind.KEY,
        text=digits,
        sender=_required(form, "To"),
        recipient=form.get("From", ""),
        message_id=_known_form(message_id),
        carrier_message_id=sid,
    )


def inbound_sms(form: Mapping[str, str], carrier: str = "twilio") -> Reply:
    """The SMS that a recipient wrote."""
    sid = _required(form, "MessageSid")
    return Reply(
        carrier=carrier,
        channel=SMS.name,
        event_key=sid,
        kind=ReplyKind.TEXT,
        text=form.get("Body", ""),
        sender=_required(form, "From"),
        recipient=_required(form, "To"),
        recipient_service=form.get("MessagingServiceSid") or None,
        media=_media(form),
        carrier_message_id=sid,
        carrier_opt_out=form.get("OptOutType") or None,
    )


def _media(form: Mapping[str, str]) -> tuple[Media, ...]:
    """Links to what came with a text. Twilio states types, and no sizes (Programmable Messaging, "Media" parameters)."""
    count = form.get("NumMedia", "")
    listed = range(min(int(count), 10)) if _COUNT.fullmatch(count) else range(0)
    return tuple(
        Media(form[f"MediaUrl{at}"][:2_000], form.get(f"MediaContentType{at}", "")[:200])
        for at in listed
        if form.get(f"MediaUrl{at}", "").startswith("https://")
    )


def _error(form: Mapping[str, str]) -> ErrorEntry | None:
    code = form.get("ErrorCode")
    return ERRORS.entry(code) if code else None


def _required(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "").strip()
    if not value or len(value) > 200:
        raise ValueError(f"the form has no usable {name}")
    return value


def _known_form(message_id: str | None) -> str | None:
    """A message id; ``None`` for what does not have the form of one."""
    return message_id if message_id is not None and is_message_id(message_id) else None


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
