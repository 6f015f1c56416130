"""Delivery status notifications (RFC 3464): what a mail server says later of an email that it took.

A notice is worth something only where it proves which message it is about: it returns our headers, whose Message-ID is signed
(:mod:`nightmail.privacy.reply_addresses`), and names the recipient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from resources.carriers.received_emails import MOST_PARTS, addresses, header, references

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_MOST_RECIPIENTS = 50


@dataclass(frozen=True, slots=True)
class DeliveryNotice:
    """What a notice says of one recipient."""

    action: str
    """``failed``, ``delayed``, ``delivered``, ``relayed`` or ``expanded`` (RFC 3464 §2.3.3)."""
    codes: tuple[str, ...]
    """Its enhanced status code (RFC 3463), then what the remote server answered: another one, and a reply code."""
    recipients: tuple[str, ...]
    """The recipient, as we named it and as the server did."""


def is_notice(message: Message) -> bool:
    """Whether an email has the form of a report (RFC 6522): it is no reply, whatever else it says."""
    # Reports of reading (RFC 8098) and of abuse (RFC 5965) have this form as well.
    return message.get_content_type() == "multipart/report"


def notices_of(message: Message) -> tuple[list[DeliveryNotice], tuple[str, ...]]:
    """What a report says of each recipient, and the tokens of ours in the headers that it returns. Raises ``ValueError``."""
    try:
        part = _status_part(message)
        return ([] if part is None else list(_recipients(part))), _returned(message)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"the report cannot be read ({type(error).__name__})") from error


def _parts(message: Message) -> list[Message]:
    inner = message.get_payload()
    return [each for each in inner[:MOST_PARTS] if isinstance(each, Message)] if isinstance(inner, list) else []


def _status_part(message: Message) -> Message | None:
    kinds = ("message/delivery-status", "message/global-delivery-status")
    return next((part for part in _parts(message) if part.get_content_type() in kinds), None)


def _recipients(part: Message) -> Iterator[DeliveryNotice]:
    """The blocks of a report: the first is of the message, each further one of a recipient."""
    for block in _parts(part)[:_MOST_RECIPIENTS]:
        action = header(block, "Action").strip().lower()
        named = [header(block, name).rpartition(";")[2] for name in ("Original-Recipient", "Final-Recipient")]
        diagnosis = header(block, "Diagnostic-Code")
        codes = [*_STATUS.findall(header(block, "Status")), *_STATUS.findall(diagnosis), *_REPLY.findall(diagnosis)]
        found = tuple(dict.fromkeys(addresses(named)))
        if action in _ACTIONS and found:
            yield DeliveryNotice(action, tuple(dict.fromkeys(codes))[:5], found)


def _returned(message: Message) -> tuple[str, ...]:
    """The tokens in the Message-IDs of what the report returns: the whole email, or its headers."""
    tokens: dict[str, None] = {}
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            inner = _parts(part)
            tokens |= dict.fromkeys(references(header(inner[0], "Message-ID"))) if inner else {}
        elif kind in ("text/rfc822-headers", "message/global-headers"):
            content = part.get_payload(decode=True)
            text = content[:100_000].decode("utf-8", "replace") if isinstance(content, bytes) else ""
            tokens |= dict.fromkeys(references(header(HeaderParser().parsestr(text), "Message-ID")))
    return tuple(tokens)
