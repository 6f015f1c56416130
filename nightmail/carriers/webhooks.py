"""Webhooks of carriers: how a carrier's folder describes the addresses that the portal answers.

A route proves a request by its signature and reads what it says. The portal does the rest: it bounds the body, stores
receipts and replies before it answers, and counts forged requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from nightmail.carriers.protocol import Receipt, Reply

SIGNED_WITHIN = timedelta(days=3)
"""How far a signed time may be from the database's: carriers retry for a day and sign each try; older requests are replays."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One POST as it came. ``url`` is the address that the carrier signed: our public one, with path and query.

    Header names are in lower case.
    """

    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What proves the webhooks of one carrier account; ``account`` is its id at the carrier, where it has one."""

    account_id: int
    account: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """The answer to a webhook."""

    status: int = 204
    body: bytes = b""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class WebhookContent:
    """What a proved request says."""

    receipts: Sequence[Receipt] = ()
    replies: Sequence[Reply] = ()
    accounts: frozenset[int] = frozenset()
    """The carrier accounts whose secret fits the signature: all that the request proves is theirs."""
    key_press: Reply | None = None
    """A key pressed in a call that goes on: the portal looks up what the call says next, and has :attr:`WebhookRoute.speak`
    say it. It is stored as a reply where it answers the message's question."""
    unreadable: int = 0
    """Events of a batch that cannot be read: counted in the log, the others are stored."""
    signed_at: datetime | None = None
    """When the carrier says that it signed the request, where the time is part of what is signed."""
    answer: WebhookAnswer = WebhookAnswer()


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """One address that a carrier posts to.

    ``read`` gets the secrets of the carrier's active accounts. It returns ``None`` where the signature fits none of them,
    and raises ``ValueError`` for a request that is not of this carrier's form, which is answered 400.
    """

    path: str
    """Below ``/webhooks/<carrier>/``; for keys pressed in calls :func:`keys_path`."""
    purpose: str
    """What the carrier posts there, in a few words."""
    read: Callable[[WebhookRequest, Sequence[WebhookSecret]], WebhookContent | None]
    speak: Callable[[str | None], WebhookAnswer] | None = None
    """The answer that has a call go on with a call document (:mod:`nightmail.templates.speech`); ``None`` hangs up."""


def webhook_address(base_url: str, path: str, message_id: str | None = None) -> str:
    """The full address of ``path`` under our public ``base_url``, naming the message if there is one.

    The id travels in the query, so that a callback names its message even when the answer to the hand-off was lost.
    """
    address = f"{base_url.rstrip('/')}{path}"
    return address if message_id is None else f"{address}?{urlencode({'message_id': message_id})}"


def accounts_that_signed(secrets: Sequence[WebhookSecret], fits: Callable[[str], bool]) -> frozenset[int]:
    """The accounts whose secret fits a signature, asked in their order; several where accounts share it, empty where none fits."""
    for secret in dict.fromkeys(known.secret for known in secrets):
        if fits(secret):
            return frozenset(known.account_id for known in secrets if known.secret == secret)
    return frozenset()


_KEYS_OF_ANY = re.compile(r"/webhooks/[a-z0-9_-]+/keys\?message_id=")


def keys_path(carrier: str | None) -> str:
    """The path that a carrier of calls posts pressed keys to; ``None`` where it is not known yet who will carry the call."""
    return f"/webhooks/{carrier or '-'}/keys"


def with_keys_for(document: str, carrier: str) -> str:
    """A call document whose keys are posted to ``carrier``'s path: the account may be another one than when it was rendered."""
    return _KEYS_OF_ANY.sub(f"{keys_path(carrier)}?message_id=", document)


def is_outdated(signed_at: datetime, now: datetime) -> bool:
    """Whether a request was signed too long ago, or too far ahead: somebody sends an old one again, or a clock is wrong."""
    return abs(now - signed_at) > SIGNED_WITHIN
