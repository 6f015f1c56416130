"""Signed reply addresses: a reply to one proves which message it answers, whoever writes it.

``reply+<token>@acme.example``, or ``reply-<token>@acme.example`` where the domain takes any name. The token packs the campaign,
the line, channel and step, the day after which it no longer holds and a signature (BLAKE2b in keyed mode, 13 bytes) into 25
bytes: 40 letters and digits in base32 (RFC 4648 §6), which no mail server changes by folding case. A local part may have 64
octets (RFC 5321 §4.5.3.1.1), so the mailbox's own name may have 23.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from nightmail.channels import CHANNELS
from nightmail.message_ids import MessageId, parse_message_id
from nightmail.privacy.signed_links import LinkError

VALID_FOR = timedelta(days=365)
"""For how long an answer to a message is bound to it by its address."""
LONGEST_NAME = 23
"""Octets of the local part that stand before a token."""
_SIGNATURE_BYTES = 13
_TOKEN = re.compile(r"[a-z2-7]{40}")
_PERSON = b"nightmail-reply"
_FIRST_DAY = date(1970, 1, 1)


class ReplyAddresses(StrEnum):
    """How a team's reply addresses are signed."""

    PLUS = "plus"
    """``reply+<token>@``: the mail server drops what follows a plus sign (RFC 5233)."""
    CATCH_ALL = "catch_all"
    """``reply-<token>@``: the domain's mail comes in whatever stands before the @."""


_SEPARATORS = {ReplyAddresses.PLUS: "+", ReplyAddresses.CATCH_ALL: "-"}


@dataclass(frozen=True, slots=True)
class WrittenTo:
    """An address that a reply was sent to: the mailbox itself, and the token in front of its domain, if it has one."""

    mailbox: str
    token: str | None = None


def reply_tokens(message_ids: Sequence[str], key: bytes, expires: date) -> list[str]:
    """One token per message id; each holds until the end of the day ``expires`` (UTC)."""
    day = (expires - _FIRST_DAY).days.to_bytes(2)
    keyed = blake2b(digest_size=_SIGNATURE_BYTES, key=key[:64], person=_PERSON).copy
    tokens = []
    for message_id in message_ids:
        packed = _packed(parse_message_id(message_id)) + day
        digest = keyed()
        digest.update(packed)
        tokens.append(b32encode(packed + digest.digest()).decode().lower())
    return tokens


def read_reply_token(token: str, keys: Sequence[bytes], now: datetime | None = None) -> MessageId:
    """The message that a token is of. Raises :class:`LinkError` for one that is forged, damaged or no longer holds."""
    wrong = LinkError("link_invalid")
    if not _TOKEN.fullmatch(token.lower()):
        raise wrong
    read = b32decode(token.upper())
    packed, signature = read[:-_SIGNATURE_BYTES], read[-_SIGNATURE_BYTES:]
    made = (blake2b(packed, digest_size=_SIGNATURE_BYTES, key=key[:64], person=_PERSON).digest() for key in keys)
    if not any(hmac.compare_digest(each, signature) for each in made):
        raise wrong
    if (now or datetime.now(UTC)).date() > _FIRST_DAY + timedelta(days=int.from_bytes(packed[-2:])):
        raise LinkError("link_expired")
    try:
        return _unpacked(packed[:-2])
    except (KeyError, ValueError):
        raise wrong from None


def signed_reply_address(mailbox: str, token: str, form: ReplyAddresses) -> str:
    """The mailbox's address with a token in it; the plain address where the mailbox's name is too long for one."""
    name, _, domain = mailbox.rpartition("@")
    if len(name.encode()) > LONGEST_NAME:
        return mailbox
    return f"{name}{_SEPARATORS[form]}{token}@{domain}"


def written_to(address: str) -> WrittenTo:
    """Take an address apart that a reply was sent to. Whether the token is ours is for :func:`read_reply_token` to say."""
    name, _, domain = address.rpartition("@")
    for separator in _SEPARATORS.values():
        mailbox, found, token = name.rpartition(separator)
        if found and mailbox and _TOKEN.fullmatch(token.lower()):
            return WrittenTo(f"{mailbox}@{domain}", token.lower())
    return WrittenTo(address)


def _packed(message_id: MessageId) -> bytes:
    number = (message_id.line << 3 | CHANNELS[message_id.channel].code) << 4 | message_id.step
    return bytes.fromhex(message_id.token[1:]) + number.to_bytes(5)


def _unpacked(packed: bytes) -> MessageId:
    number = int.from_bytes(packed[5:])
    channel = CHANNELS.with_code(number >> 4 & 0b111).name
    return parse_message_id(str(MessageId(f"c{packed[:5].hex()}", number >> 7, channel, number & 0b1111)))
