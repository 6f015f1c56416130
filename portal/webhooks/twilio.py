"""Twilio's webhooks: receipts of messages and calls, texts from recipients, keys pressed in calls.

The message's id is in the query of the address that Twilio calls, and is signed with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sqlalchemy import text

from nightmail.carriers.webhook_paths import (
    TWILIO_CALL_STATUS,
    TWILIO_INBOUND_SMS,
    TWILIO_KEYS,
    TWILIO_MESSAGE_STATUS,
)
from nightmail.errors import NightmailError
from nightmail.message_ids import parse_message_id
from portal.problems import RequestError
from portal.webhooks.receiver import ForgedError, WebhookAnswer, WebhookHandler, WebhookRequest
from resources.carriers import twilio_webhooks
from resources.carriers.webhook_signatures import twilio_signature_is_right

if TYPE_CHECKING:
    from portal.state import Portal

_log = logging.getLogger("nightmail.portal")

CARRIER = "twilio"
MAXIMUM_FIELDS = 200
_HANG_UP = '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>'


def _twiml(document: str) -> WebhookAnswer:
    return WebhookAnswer(200, document.encode(), "text/xml; charset=utf-8")


async def _verified(portal: Portal, request: WebhookRequest) -> tuple[dict[str, str], str | None]:
    """The form and the message's id, once the signature is verified. Raises :class:`ForgedError` when it does not fit."""
    try:
        form = parse_qs(request.body.decode(), keep_blank_values=True, max_num_fields=MAXIMUM_FIELDS)
        query = parse_qs(request.query, max_num_fields=20)
    except ValueError as error:
        raise RequestError("request_malformed", problem="the body is not a form", status=400) from error
    if not _proved(portal, request, form) and not (
        # The account may have been set up a moment ago.
        await asyncio.to_thread(portal.accounts.refresh_after_failure) and _proved(portal, request, form)
    ):
        raise ForgedError
    message_ids = query.get("message_id")
    return {name: values[0] for name, values in form.items()}, message_ids[0] if message_ids else None


def _proved(portal: Portal, request: WebhookRequest, form: Mapping[str, Sequence[str]]) -> bool:
    signature = request.headers.get("x-twilio-signature")
    if not signature:
        return False
    account = form.get("AccountSid", [""])[0]
    return any(
        twilio_signature_is_right(known.secret, request.url, form, signature)
        for known in portal.accounts.secrets(CARRIER, account)
    )


async def message_status(portal: Portal, request: WebhookRequest) -> WebhookAnswer:
    """The status of an SMS."""
    form, message_id = await _verified(portal, request)
    try:
        receipt = twilio_webhooks.message_status(form, message_id)
    except ValueError as error:
        raise _not_twilios(error) from error
    if receipt is not None:
        await portal.queue.put([receipt])
    return WebhookAnswer()


async def call_status(portal: Portal, request: WebhookRequest) -> WebhookAnswer:
    """The status of a call."""
    form, message_id = await _verified(portal, request)
    try:
        receipt = twilio_webhooks.call_status_receipt(form, message_id)
    except ValueError as error:
        raise _not_twilios(error) from error
    if receipt is not None:
        await portal.queue.put([receipt])
    return WebhookAnswer()


async def inbound_sms(portal: Portal, request: WebhookRequest) -> WebhookAnswer:
    """A text from a recipient: stored, and obeyed where it says STOP or START."""
    form, _ = await _verified(portal, request)
    try:
        reply = twilio_webhooks.inbound_sms(form)
    except ValueError as error:
        raise _not_twilios(error) from error
    await portal.queue.put(replies=[reply])
    return _twiml(twilio_webhooks.EMPTY_TWIML)


async def keys(portal: Portal, request: WebhookRequest) -> WebhookAnswer:
    """A key pressed in a call: said again, or stored as the answer and thanked for."""
    form, message_id = await _verified(portal, request)
    try:
        reply = twilio_webhooks.pressed_key(form, message_id)
    except ValueError as error:
        raise _not_twilios(error) from error
    if reply is None:
        return _twiml(_HANG_UP)
    script = await asyncio.to_thread(_script, portal, reply.message_id, reply.text)
    if script.answers:
        await portal.queue.put(replies=[reply])
    return _twiml(script.document)


@dataclass(frozen=True, slots=True)
class _Script:
    """What is said to a key, and whether the key answers the message's question."""

    document: str
    answers: bool


def _script(portal: Portal, message_id: str | None, key: str) -> _Script:
    """What a key means in the call of a message. A key that means nothing there has the message said again."""
    if message_id is None:
        return _Script(_HANG_UP, True)
    from nightmail.templates.loading import stored_template
    from nightmail.templates.model import VoiceBody
    from nightmail.templates.speech import answer_document

    parsed = parse_message_id(message_id)
    with portal.engine.connect() as connection:
        campaign = connection.execute(
            text(
                "select c.id, c.ledger_month, v.content from campaign c "
                "join template_version v on v.id = c.template_version_id where c.token = :token"
            ),
            {"token": parsed.token},
        ).first()
        message = (
            campaign
            and connection.execute(
                text(
                    "select m.language, b.body from message m left join message_content b "
                    "on b.ledger_month = m.ledger_month and b.message_key = m.message_key "
                    "where m.ledger_month = :month and m.message_key = :key"
                ),
                {"month": campaign.ledger_month, "key": parsed.key(campaign.id)},
            ).first()
        )
    if campaign is None or message is None:
        # A reply that fits no message is kept, unattached, rather than lost.
        return _Script(_HANG_UP, True)
    try:
        template = stored_template(campaign.content)
    except NightmailError as error:
        _log.error("the template of a call cannot be read: %s", error)
        return _Script(_HANG_UP, True)
    language = template.language_for(message.language, parsed.channel) or template.default_language
    body = template.languages[language].by_channel.get(parsed.channel)
    question = body.question if isinstance(body, VoiceBody) else None
    if question is not None and key in question.answers:
        return _Script(answer_document(question, language, key), True)
    return _Script(message.body or _HANG_UP, False)


def _not_twilios(error: ValueError) -> RequestError:
    return RequestError("request_malformed", problem=f"this is not one of Twilio's webhooks: {error}", status=400)


HANDLERS: Mapping[str, WebhookHandler] = {
    TWILIO_MESSAGE_STATUS: message_status,
    TWILIO_CALL_STATUS: call_status,
    TWILIO_INBOUND_SMS: inbound_sms,
    TWILIO_KEYS: keys,
}
"""Twilio's addresses."""
