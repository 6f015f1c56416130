"""Emails from recipients, as SendGrid's Inbound Parse posts them: a form with the email's headers, text and attachments, or
with the whole email where the setting "POST the raw, full MIME message" is on.

Check the signature first (:mod:`resources.carriers.sendgrid.signatures`). Sources: "Configure the Inbound Parse webhook",
``https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook``, and "Securing your
Inbound Parse webhooks" beside it.
"""

from __future__ import annotations

import email.policy
import json
from dataclasses import replace
from email.message import EmailMessage, Message
from email.parser import BytesParser, HeaderParser

from nightmail.carriers.protocol import Media, Reply
from resources.carriers.delivery_notices import is_notice
from resources.carriers.received_emails import (
    LONGEST_TEXT,
    MOST_ATTACHMENTS,
    ReceivedEmail,
    addresses,
    clean,
    header,
    is_automatic,
    parsed,
    received_email,
    references,
    reply_of,
    without_quotes,
    without_tags,
)


def inbound_email(content_type: str, body: bytes, carrier: str = "sendgrid") -> Reply | None:
    """The reply in a posted email; ``None`` for what a machine wrote by itself, such as a note of absence or a bounce.

    Raises ``ValueError`` when the body is no such form, or names no sender or recipient.
    """
    fields = _fields(content_type, body)
    whole = fields.get("email")
    if whole is not None:
        content = whole.get_payload(decode=True)
        message = parsed(content if isinstance(content, bytes) else b"")
        received = received_email(message)
    else:
        message = HeaderParser(policy=email.policy.compat32).parsestr(_text(fields, "headers"))
        received = _of_form(fields, message)
    if is_automatic(message) or is_notice(message):
        return None
    recipients = _envelope(fields) or received.recipients
    if not recipients:
        raise ValueError("the email names no recipient")
    return reply_of(replace(received, recipients=recipients), carrier)


def _of_form(fields: dict[str, EmailMessage], message: Message) -> ReceivedEmail:
    said = _text(fields, "text") or without_tags(_text(fields, "html"))
    return ReceivedEmail(
        sender=next(iter(addresses([_text(fields, "from")])), None),
        recipients=tuple(dict.fromkeys(addresses([_text(fields, "to"), _text(fields, "cc")]))),
        subject=_text(fields, "subject")[:500],
        text=without_quotes(said[:LONGEST_TEXT]),
        name=header(message, "Message-ID").strip(),
        references=references(header(message, "In-Reply-To"), header(message, "References")),
        media=_attachments(fields),
    )


def _fields(content_type: str, body: bytes) -> dict[str, EmailMessage]:
    form = BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    if form.get_content_type() != "multipart/form-data" or not form.is_multipart():
        raise ValueError("the body is not a form")
    fields: dict[str, EmailMessage] = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str) and isinstance(part, EmailMessage):
            fields.setdefault(name, part)
    return fields


def _text(fields: dict[str, EmailMessage], name: str) -> str:
    part = fields.get(name)
    content = None if part is None else part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        charset = (
            json.loads(_text(fields, "charsets")).get(name, "utf-8") if name in ("text", "html", "subject") else "utf-8"
        )
        text = content.decode(str(charset), "replace")
    except (ValueError, LookupError, AttributeError, RecursionError):
        text = content.decode("utf-8", "replace")
    return clean(text)


def _envelope(fields: dict[str, EmailMessage]) -> tuple[str, ...]:
    """The mailboxes that it was delivered to, as the envelope says."""
    try:
        stated = json.loads(_text(fields, "envelope")).get("to", [])
    except (ValueError, AttributeError, RecursionError):
        return ()
    return tuple(addresses(each for each in stated if isinstance(each, str))) if isinstance(stated, list) else ()


def _attachments(fields: dict[str, EmailMessage]) -> tuple[Media, ...]:
    """What was attached, by name, type and size. SendGrid keeps no copy to link to, and none is kept here."""
    found = []
    for number in range(1, MOST_ATTACHMENTS + 1):
        part = fields.get(f"attachment{number}")
        if part is not None:
            content = part.get_payload(decode=True)
            size = len(content) if isinstance(content, bytes) else None
            name = clean(part.get_filename() or "")[:200]
            found.append(Media(f"attachment:{name}", part.get_content_type(), size))
    return tuple(found)
