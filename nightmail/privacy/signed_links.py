"""Signed links: addresses in messages that prove, without a login, which message they came in and what they may do.

A token reads ``<message id>.<purpose letter>.<days>.<signature>`` and holds no personal data. The signature is BLAKE2b
in keyed mode (a MAC by itself, RFC 7693 §1), 18 bytes, over everything before it; ``days`` is the day (since
1970-01-01) after which the token no longer holds, 0 for never, as an opt-out must work as long as the email is
kept.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.errors import NightmailError
from nightmail.message_ids import MessageId, parse_message_id

_SIGNATURE_BYTES = 18
_SIGNATURE_CHARACTERS = 24
_PERSON = b"nightmail-links"
_OF_A_PREVIEW = "preview-preview-preview-"
"""What stands in the place of the signature in messages that are shown and never sent: as long as one, and none of any key."""
_FIRST_DAY = date(1970, 1, 1)
_REQUEST = re.compile(r"r([1-9][0-9]{0,17})\.o\.0")


class Purpose(StrEnum):
    """What a token lets its bearer do; a token of one purpose is worth nothing for another."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CHAT = "chat"
    CONFIRM = "confirm"
    """Of a request for a consent, which is no message of a campaign: :func:`request_token`."""


_LETTERS = {Purpose.UNSUBSCRIBE: "u", Purpose.PREFERENCES: "p", Purpose.CHAT: "c", Purpose.CONFIRM: "o"}
_PATHS = {Purpose.UNSUBSCRIBE: "/u/", Purpose.PREFERENCES: "/p/", Purpose.CHAT: "/c/", Purpose.CONFIRM: "/o/"}


class LinkError(NightmailError):
    """The token is forged, damaged, of another purpose, or no longer holds."""


@dataclass(frozen=True)
class SignedLink:
    """What a token says, once its signature is verified."""

    message_id: MessageId
    purpose: Purpose
    expires: date | None


def link_tokens(message_ids: Sequence[str], purpose: Purpose, key: bytes, expires: date | None = None) -> list[str]:
    """One token per message id."""
    suffix = _suffix(purpose, expires)
    signatures = _signatures(message_ids, suffix, key)
    size = _SIGNATURE_CHARACTERS
    return [f"{name}{suffix}.{signatures[at * size : (at + 1) * size]}" for at, name in enumerate(message_ids)]


def link_column(message_ids: pa.Array, purpose: Purpose, key: bytes, expires: date | None = None) -> pa.Array:
    """:func:`link_tokens` as an Arrow column."""
    suffix = _suffix(purpose, expires)
    signatures = _signatures(message_ids.to_pylist(), suffix, key).encode()
    offsets = np.arange(len(message_ids) + 1, dtype=np.int32) * _SIGNATURE_CHARACTERS
    column = pa.Array.from_buffers(
        pa.string(), len(message_ids), [None, pa.py_buffer(offsets), pa.py_buffer(signatures)]
    )
    return pc.binary_join_element_wise(message_ids, f"{suffix}.", column, "")


def preview_link_column(message_ids: pa.Array, purpose: Purpose, expires: date | None = None) -> pa.Array:
    """:func:`link_column` for messages that are shown and not sent: of the same length, and of no use to anybody."""
    return pc.binary_join_element_wise(message_ids, f"{_suffix(purpose, expires)}.{_OF_A_PREVIEW}", "")


def link_token(message_id: str, purpose: Purpose, key: bytes, expires: date | None = None) -> str:
    """The token of one message."""
    return link_tokens((message_id,), purpose, key, expires)[0]


def read_token(token: str, purpose: Purpose, keys: Sequence[bytes], now: datetime | None = None) -> SignedLink:
    """Verify a token against any of ``keys`` (the present one, and earlier ones after a change of key).

    Raises :class:`LinkError`, with one message for every kind of forgery, and ``link_of_preview`` for what was shown and not sent.
    """
    wrong = LinkError("link_invalid")
    signed, _, signature = token.rpartition(".")
    parts = signed.split(".")
    if len(token) > 200 or len(parts) != 3 or not token.isascii():
        raise wrong
    if signature == _OF_A_PREVIEW:
        raise LinkError("link_of_preview")
    if not any(hmac.compare_digest(_signature(signed, key), signature) for key in keys):
        raise wrong
    if parts[1] != _LETTERS[purpose]:
        raise wrong
    try:
        message_id, days = parse_message_id(parts[0]), int(parts[2])
        expires = _FIRST_DAY + timedelta(days=days) if days else None
    except (ValueError, OverflowError):
        raise wrong from None
    if expires is not None and (now or datetime.now(UTC)).date() > expires:
        raise LinkError("link_expired")
    return SignedLink(message_id, purpose, expires)


def request_token(request_id: int, key: bytes) -> str:
    """The token of a request for a consent. When it is over the request itself says."""
    signed = f"r{request_id}{_suffix(Purpose.CONFIRM, None)}"
    return f"{signed}.{_signature(signed, key)}"


def read_request_token(token: str, keys: Sequence[bytes]) -> int:
    """The request that a token is of. Raises :class:`LinkError`."""
    signed, _, signature = token.rpartition(".")
    found = _REQUEST.fullmatch(signed) if len(token) <= 200 and token.isascii() else None
    if found is None or not any(hmac.compare_digest(_signature(signed, key), signature) for key in keys):
        raise LinkError("link_invalid")
    return int(found[1])


def link_address(base_url: str, token: str, purpose: Purpose) -> str:
    """The full address of a token: ``https://portal.example/u/<token>`` for unsubscribing."""
    return f"{base_url.rstrip('/')}{_PATHS[purpose]}{token}"


def link_path(purpose: Purpose) -> str:
    """The path before the token, ``/u/`` for unsubscribing: what the portal answers at."""
    return _PATHS[purpose]


def unsubscribe_address(base_url: str, message_id: str, key: bytes) -> str:
    """The one-click address of a message (RFC 8058), the same that ``{{ unsubscribe_url }}`` renders to."""
    return link_address(base_url, link_token(message_id, Purpose.UNSUBSCRIBE, key), Purpose.UNSUBSCRIBE)


def _suffix(purpose: Purpose, expires: date | None) -> str:
    days = (expires - _FIRST_DAY).days if expires is not None else 0
    return f".{_LETTERS[purpose]}.{days}"


def _signatures(message_ids: Iterable[str], suffix: str, key: bytes) -> str:
    """The signatures one after another: eighteen bytes are exactly twenty-four signs of base64."""
    copy = blake2b(digest_size=_SIGNATURE_BYTES, key=key[:64], person=_PERSON).copy
    digests = []
    for message_id in message_ids:
        digest = copy()
        digest.update(f"{message_id}{suffix}".encode())
        digests.append(digest.digest())
    return urlsafe_b64encode(b"".join(digests)).decode()


def _signature(signed: str, key: bytes) -> str:
    return _signatures((signed,), "", key)
