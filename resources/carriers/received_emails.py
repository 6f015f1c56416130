"""Emails from recipients, read: who wrote what, to which of our mailboxes, and in answer to which of our messages.

Whatever a stranger sends is read without an error where it can be: wrong encodings are replaced, and only the first parts
are looked at. What is quoted of our own message is cut off: it may hold the words that opt out.
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.utils import getaddresses
from hashlib import blake2b
from html.parser import HTMLParser

from nightmail.carriers.protocol import Media, Reply, ReplyKind
from nightmail.channels import EMAIL
from nightmail.privacy.reply_addresses import WrittenTo, written_to

MOST_ATTACHMENTS = 10
MOST_PARTS = 200
LONGEST_TEXT = 100_000
_LONGEST_HEADER = 4_000
_QUOTED_LANGUAGES = ["en", "de", "cs", "da", "es", "fr", "it", "ja", "nl", "pl", "sv", "zh"]
_REFERENCE = re.compile(
    r"<(c[0-9a-f]{10}-[0-9]{1,10}-[a-z][a-z0-9_]*-[0-9]{1,2})\.([a-z2-7]{40})@[^<>@\s]{1,255}>", re.IGNORECASE
)
_MOST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class ReceivedEmail:
    """An email as far as a reply is made of it. ``recipients`` are the mailboxes that it was delivered to, else those it names."""

    sender: str | None
    recipients: tuple[str, ...]
    subject: str
    text: str
    """Without what it quotes."""
    name: str
    """Its Message-ID."""
    references: tuple[str, ...]
    """Tokens in those of our Message-IDs that it answers, the nearest first."""
    media: tuple[Media, ...] = ()
    automatic: bool = False
    """Whether a machine wrote it."""


def parsed(raw: bytes) -> Message:
    """An email's bytes taken apart. Raises ``ValueError`` for what Python's parser does not foresee."""
    try:
        return BytesParser(policy=email.policy.compat32).parsebytes(raw)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"the email cannot be read ({type(error).__name__})") from error


def received_email(message: Message) -> ReceivedEmail:
    """Read an email. Raises ``ValueError`` when it cannot be."""
    try:
        delivered = [*addresses(_all(message, "Delivered-To")), *addresses(_all(message, "X-Original-To"))]
        named = addresses([*_all(message, "To"), *_all(message, "Cc")])
        text, media = _content(message)
        return ReceivedEmail(
            sender=next(iter(addresses(_all(message, "From"))), None),
            recipients=tuple(dict.fromkeys([*delivered, *named])),
            subject=header(message, "Subject")[:500],
            text=text,
            name=header(message, "Message-ID").strip(),
            references=references(header(message, "In-Reply-To"), header(message, "References")),
            media=media,
            automatic=is_automatic(message),
        )
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"the email cannot be read ({type(error).__name__})") from error


def reply_of(received: ReceivedEmail, carrier: str) -> Reply:
    """The reply that an email is. One that names no recipient was sent to whoever got it. Raises ``ValueError`` without a sender."""
    if received.sender is None:
        raise ValueError("the email names no sender")
    places = [written_to(address) for address in received.recipients] or [WrittenTo("")]
    # The one with a token of ours is the surest to be ours.
    places.sort(key=lambda place: place.token is None)
    mailboxes = tuple(dict.fromkeys(place.mailbox for place in places))
    tokens = dict.fromkeys([*(place.token for place in places if place.token is not None), *received.references])
    return Reply(
        carrier=carrier,
        channel=EMAIL.name,
        event_key=_event_key(received),
        kind=ReplyKind.TEXT,
        text=received.text,
        subject=received.subject,
        sender=received.sender,
        recipient=mailboxes[0],
        also_to=mailboxes[1:][:MOST_ATTACHMENTS],
        media=received.media,
        tokens=tuple(tokens),
        sender_is_proved=False,
    )


def _event_key(received: ReceivedEmail) -> str:
    """The same for an email that comes again, in another folder or after a mailbox was rebuilt.

    Its Message-ID alone would not do: some programs give every email the same.
    """
    parts = (received.name, received.sender or "", *received.recipients[:1], received.subject, received.text)
    digest = blake2b("\x1f".join(parts).encode(errors="replace"), digest_size=16).hexdigest()
    return f"inbound:{digest}"


def is_automatic(message: Message) -> bool:
    """Whether a machine wrote it: RFC 3834 §5 (Auto-Submitted), an empty return path (§3.3), and what older programs set."""
    stated = header(message, "Auto-Submitted").partition(";")[0].partition("(")[0].strip().lower()
    if stated not in ("", "no"):
        return True
    if any(path.strip() == "<>" for path in _all(message, "Return-Path")):
        return True
    if header(message, "X-Autoreply").strip() or header(message, "X-Autorespond").strip():
        return True
    return header(message, "Precedence").strip().lower() in ("auto_reply", "auto-reply")


def references(*headers: str) -> tuple[str, ...]:
    """The tokens in those of our signed Message-IDs that headers name: within one header the last is the nearest."""
    found: dict[str, None] = {}
    for value in headers:
        for match in reversed(list(_REFERENCE.finditer(value[-_LONGEST_HEADER:]))[-_MOST_REFERENCES:]):
            found.setdefault(match[2].lower())
    return tuple(found)


def header(message: Message, name: str) -> str:
    """A header's text, decoded; empty where it is missing."""
    return next(iter(_all(message, name)), "")


def _all(message: Message, name: str) -> list[str]:
    return [_decoded(value) for value in message.get_all(name, [])[:MOST_ATTACHMENTS]]


def _decoded(value: object) -> str:
    written = str(value)[:_LONGEST_HEADER]
    try:
        text = str(make_header(decode_header(written)))
    except (ValueError, LookupError, email.errors.MessageError):
        text = written
    return clean(text)


def clean(text: str) -> str:
    """A text that the database can keep: no null bytes, no halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def addresses(written: Iterable[str]) -> list[str]:
    """The email addresses in headers, each with its domain in lower case."""
    found = []
    for _, address in getaddresses([each[:2_000] for each in written]):
        local, at, domain = address.rpartition("@")
        if at and local and domain and len(address) <= 320 and not any(sign.isspace() for sign in address):
            found.append(clean(f"{local}@{domain.lower()}"))
    return found


def _content(message: Message) -> tuple[str, tuple[Media, ...]]:
    """The text that was written, and what was attached, by name, type and size."""
    texts: dict[str, str] = {}
    media: list[Media] = []
    for part in _leaves(message):
        kind = part.get_content_type()
        named = part.get_filename()
        if kind in ("text/plain", "text/html") and not named and part.get_content_disposition() != "attachment":
            texts.setdefault(kind, _text_of(part))
        elif len(media) < MOST_ATTACHMENTS:
            content = part.get_payload(decode=True)
            size = len(content) if isinstance(content, bytes) else None
            media.append(Media(f"attachment:{clean(_decoded(named or ''))[:200]}", kind[:200], size))
    said = texts.get("text/plain", "")
    return without_quotes(said if said.strip() else without_tags(texts.get("text/html", ""))), tuple(media)


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something, as far as they are looked at: those of an attached email are its own."""
    waiting: list[Message] = [message]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        part = waiting.pop()
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting.extend(reversed([each for each in inner if isinstance(each, Message)]))
        else:
            yield part


def _text_of(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        text = content[: 4 * LONGEST_TEXT].decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        text = content[: 4 * LONGEST_TEXT].decode("utf-8", "replace")
    return clean(text[:LONGEST_TEXT])


def without_quotes(said: str) -> str:
    """What a person wrote, without the message that they answer and their mail program's lines about it."""
    from mailparser_reply import EmailReplyParser

    parser = EmailReplyParser(languages=_QUOTED_LANGUAGES)
    return (parser.parse_reply(text=said.replace("\r\n", "\n")) or "").strip()


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in ("br", "p", "div", "blockquote", "tr"):
            self.words.append("\n> " if tag == "blockquote" else "\n")


def without_tags(html: str) -> str:
    """The words of a page, line by line; what it quotes is marked as plain texts mark it."""
    parser = _Words()
    parser.feed(html[:LONGEST_TEXT])
    return "".join(parser.words)
