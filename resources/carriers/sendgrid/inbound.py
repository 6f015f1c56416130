"""Emails from recipients, as SendGrid's Inbound Parse posts them: a form with the email's headers, text and attachments.

Check the signature first (:mod:`resources.carriers.sendgrid.signatures`); Inbound Parse signs like the event webhook, where a
security policy with signatures is set for its host. What is quoted of our own message is cut off: it may hold the words
that opt out.
"""

from __future__ import annotations

import email.policy
import json
from email.message import EmailMessage
from email.parser import BytesParser, HeaderParser
from email.utils import getaddresses
from hashlib import blake2b
from html.parser import HTMLParser

from nightmail.carriers.protocol import Media, Reply, ReplyKind
from nightmail.channels import EMAIL

MOST_ATTACHMENTS = 10
_LONGEST_TEXT = 100_000
_QUOTED_LANGUAGES = ["en", "de", "cs", "da", "es", "fr", "it", "ja", "nl", "pl", "sv", "zh"]


def inbound_email(content_type: str, body: bytes, carrier: str = "sendgrid") -> Reply | None:
    """The reply in a posted email; ``None`` for what a machine answered by itself (RFC 3834), such as a note of absence.

    Raises ``ValueError`` when the body is no such form, or names no sender or recipient.
    """
    fields = _fields(content_type, body)
    headers = HeaderParser(policy=email.policy.compat32).parsestr(_text(fields, "headers"))
    if str(headers.get("Auto-Submitted", "no")).strip().lower() != "no":
        return None
    sender = _address(_text(fields, "from"))
    recipients = _recipients(fields)
    if sender is None or not recipients:
        raise ValueError("the email names no sender or no recipient")
    said = _text(fields, "text") or _without_tags(_text(fields, "html"))
    name = str(headers.get("Message-ID", "")).strip()
    return Reply(
        carrier=carrier,
        channel=EMAIL.name,
        event_key="inbound:" + blake2b(name.encode(errors="replace") or body, digest_size=16).hexdigest(),
        kind=ReplyKind.TEXT,
        text=without_quotes(said[:_LONGEST_TEXT]),
        subject=_text(fields, "subject")[:500],
        sender=sender,
        recipient=recipients[0],
        media=_attachments(fields),
    )


def without_quotes(said: str) -> str:
    """What a person wrote, without the message that they answer and their mail program's lines about it."""
    from mailparser_reply import EmailReplyParser

    parser = EmailReplyParser(languages=_QUOTED_LANGUAGES)
    return (parser.parse_reply(text=said.replace("\r\n", "\n")) or "").strip()


def _fields(content_type: str, body: bytes) -> dict[str, EmailMessage]:
    parsed = BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    if parsed.get_content_type() != "multipart/form-data" or not parsed.is_multipart():
        raise ValueError("the body is not a form")
    fields: dict[str, EmailMessage] = {}
    for part in parsed.iter_parts():
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
    return text.replace("\x00", "")


def _recipients(fields: dict[str, EmailMessage]) -> list[str]:
    """The mailboxes that it was delivered to: those of the envelope, else those that the email names."""
    try:
        stated = json.loads(_text(fields, "envelope")).get("to", [])
    except (ValueError, AttributeError, RecursionError):
        stated = []
    listed = [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []
    return [found for each in [*listed, _text(fields, "to")] if (found := _address(each)) is not None]


def _address(written: str) -> str | None:
    for _, address in getaddresses([written[:2_000]]):
        if 3 <= len(address) <= 320 and "@" in address:
            local, _, domain = address.rpartition("@")
            return f"{local}@{domain.lower()}"
    return None


def _attachments(fields: dict[str, EmailMessage]) -> tuple[Media, ...]:
    """What was attached, by name, type and size. SendGrid keeps no copy to link to, and none is kept here."""
    found = []
    for number in range(1, MOST_ATTACHMENTS + 1):
        part = fields.get(f"attachment{number}")
        if part is not None:
            content = part.get_payload(decode=True)
            size = len(content) if isinstance(content, bytes) else None
            name = (part.get_filename() or "").replace("\x00", "")[:200]
            found.append(Media(f"attachment:{name}", part.get_content_type(), size))
    return tuple(found)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in ("br", "p", "div", "blockquote", "tr"):
            self.words.append("\n> " if tag == "blockquote" else "\n")


def _without_tags(html: str) -> str:
    parser = _Words()
    parser.feed(html[:_LONGEST_TEXT])
    return "".join(parser.words)
