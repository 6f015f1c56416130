from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from nightmail.carriers.protocol import Carrier, CarrierSettings, OutgoingMessage
from resources.carriers import CARRIERS
from tests.support.sandbox_process import RunningCarriers, WebhookReceiver


@pytest.fixture(scope="module")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCarriers]:
    carriers = RunningCarriers(tmp_path_factory.mktemp("carriers"))
    yield carriers
    assert carriers.stop() == 0


@pytest.fixture
def sandbox(sandbox_process: RunningCarriers) -> Iterator[RunningCarriers]:
    """The stand-ins, behaving well at the start of every test."""
    sandbox_process.behave_well()
    yield sandbox_process
    sandbox_process.behave_well()


@pytest.fixture
def webhooks(sandbox: RunningCarriers) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()
    sandbox.ask("/webhooks", {"base": receiver.base_url})
    yield receiver
    sandbox.ask("/webhooks", {"base": None})
    receiver.stop()


Connect = Callable[..., Carrier]


@pytest.fixture
def connect(sandbox: RunningCarriers) -> Iterator[Connect]:
    """Makes adapters that speak to the sandbox."""
    made: list[Carrier] = []

    def make(adapter: str, **changes: object) -> Carrier:
        told = sandbox.told
        settings: dict[str, object] = {"base_url": sandbox.base_url, "sender": "+15005550006"}
        if adapter.startswith("twilio"):
            settings |= {"account": told["twilio"]["account_sid"], "secret": told["twilio"]["auth_token"]}
        elif adapter == "sendgrid_email":
            settings |= {"secret": told["sendgrid"]["api_key"], "sender": "billing@acme.example"}
        elif adapter == "smtp_email":
            smtp = told["smtp"]
            settings |= {
                "base_url": f"smtp://{smtp['host']}:{smtp['port']}",
                "account": smtp["user"],
                "secret": smtp["password"],
                "sender": "billing@acme.example",
            }
        made.append(CARRIERS.build(CarrierSettings(adapter=adapter, **(settings | changes))))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for carrier in made:
        carrier.close()


_lines = count(2)


@pytest.fixture
def message() -> Callable[..., OutgoingMessage]:
    """Makes messages with an id of their own."""

    def make(channel: str, address: str, body: str = "Invoice 17 is due.", **more: object) -> OutgoingMessage:
        return OutgoingMessage(f"c00000000aa-{next(_lines)}-{channel}-0", address, body, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path
