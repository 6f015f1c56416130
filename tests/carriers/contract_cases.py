"""The carriers of the contract, one case for each adapter: how it is reached, and what its stand-in is asked to do.

What a carrier can do is asked of its description. A case adds only what differs in the testing: addresses, and which fault
of the stand-in has which meaning for this wire format.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from nightmail.channels import EMAIL, SMS, VOICE, Channel
from resources.carriers import CARRIERS
from tests.support.sandbox_process import RunningCarriers
from tests.support.toy_carrier import ToyStandIn, toy_carrier

HTTP_DOUBTS = (
    *("500_before", "500_after", "503", "reset_before", "reset_after", "hang_before", "hang_after"),
    *("html", "html_502", "html_after"),
)
"""Over HTTP the whole request is written before the answer: whatever goes wrong then leaves it open."""


class StandIn(Protocol):
    """A company, as far as the contract asks it for something."""

    def faults(self, *rules: dict[str, Any]) -> None: ...

    def accepted_ids(self) -> list[str]: ...


@dataclass(frozen=True)
class Case:
    """One adapter."""

    adapter: str
    channel: Channel
    address: str
    """Taken and delivered."""
    refused_address: str
    """Refused at the hand-off."""
    unreachable: str
    """A ``base_url`` where nobody listens."""
    faults_on: str
    """The stand-in's word for hand-offs, in its faults."""
    open_stand_in: Callable[[RunningCarriers], Any]
    """A context that gives the stand-in."""
    settings: Callable[[Any], dict[str, Any]]
    """The account's settings, from the stand-in."""
    drop: Callable[[Any], object] | None
    """Closes idle connections from the carrier's side."""
    in_doubt: tuple[str, ...] = HTTP_DOUBTS
    """Faults after which the carrier may have the message."""
    certainly_not_taken: tuple[str, ...] = ("429",)
    """Faults after which it certainly has not."""
    states_a_wait: bool = True
    """Whether a refusal for too many requests says how long to wait, and is told from an unwell carrier."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The options that switch on what it supports by option."""
    secret: Callable[[Any], str] = lambda stand_in: ""
    """What proves its webhooks."""
    other_secret: Callable[[], str] = lambda: "another account's"
    take_webhooks_at: Callable[[Any, str | None], object] | None = None
    """Tells the stand-in where to post, where no callback address goes with each message."""


@contextmanager
def _sandbox(sandbox: RunningCarriers) -> Iterator[RunningCarriers]:
    yield sandbox


@contextmanager
def _toy(_sandbox: RunningCarriers) -> Iterator[ToyStandIn]:
    CARRIERS.register(toy_carrier(SMS))
    try:
        with ToyStandIn() as stand_in:
            yield stand_in
    finally:
        CARRIERS.withdraw("toy")


def _twilio(sandbox: RunningCarriers) -> dict[str, Any]:
    told = sandbox.told["twilio"]
    return {
        "account": told["account_sid"],
        "secret": told["auth_token"],
        "base_url": sandbox.base_url,
        "sender": "+15005550006",
    }


def _sendgrid(sandbox: RunningCarriers) -> dict[str, Any]:
    return {
        "secret": sandbox.told["sendgrid"]["api_key"],
        "base_url": sandbox.base_url,
        "sender": "billing@acme.example",
    }


def _smtp(sandbox: RunningCarriers) -> dict[str, Any]:
    told = sandbox.told["smtp"]
    return {
        "account": told["user"],
        "secret": told["password"],
        "base_url": f"smtp://{told['host']}:{told['port']}",
        "sender": "billing@acme.example",
    }


def _drop(sandbox: RunningCarriers) -> None:
    sandbox.ask("/drop", {})
    # The connections are closed when the server answers the next question.
    sandbox.ask()


def _another_verification_key() -> str:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


CASES = (
    Case(
        adapter="twilio_sms",
        channel=SMS,
        address="+447700900801",
        refused_address="+447700907001",
        unreachable="http://127.0.0.1:1",
        faults_on="messages",
        open_stand_in=_sandbox,
        settings=_twilio,
        drop=_drop,
        secret=lambda sandbox: str(sandbox.told["twilio"]["auth_token"]),
        other_secret=lambda: "f" * 32,
    ),
    Case(
        adapter="twilio_voice",
        channel=VOICE,
        address="+447700900802",
        refused_address="+447700907001",
        unreachable="http://127.0.0.1:1",
        faults_on="calls",
        open_stand_in=_sandbox,
        settings=_twilio,
        drop=_drop,
        secret=lambda sandbox: str(sandbox.told["twilio"]["auth_token"]),
        other_secret=lambda: "f" * 32,
    ),
    Case(
        adapter="sendgrid_email",
        channel=EMAIL,
        address="contract@mail.example",
        refused_address="refuse@mail.example",
        unreachable="http://127.0.0.1:1",
        faults_on="mail",
        open_stand_in=_sandbox,
        settings=_sendgrid,
        drop=_drop,
        options={"activity": "on"},
        secret=lambda sandbox: str(sandbox.told["sendgrid"]["webhook_public_key"]),
        other_secret=_another_verification_key,
        take_webhooks_at=lambda sandbox, base: sandbox.ask("/webhooks", {"base": base}),
    ),
    Case(
        adapter="smtp_email",
        channel=EMAIL,
        address="contract@mail.example",
        refused_address="bounce@mail.example",
        unreachable="smtp://127.0.0.1:1",
        faults_on="smtp",
        open_stand_in=_sandbox,
        settings=_smtp,
        drop=None,
        # The server has nothing before the text is written, and answers after it for good.
        in_doubt=("reset_after", "hang_after"),
        certainly_not_taken=("429", "reset_before"),
        states_a_wait=False,
    ),
    Case(
        adapter="toy_sms",
        channel=SMS,
        address="+447700900805",
        refused_address="+447700907001",
        unreachable="http://127.0.0.1:1",
        faults_on="messages",
        open_stand_in=_toy,
        settings=lambda toy: {"secret": toy.key, "base_url": toy.base_url, "sender": "Toy"},
        drop=lambda toy: toy.drop_idle_connections(),
        secret=lambda toy: str(toy.key),
    ),
)
