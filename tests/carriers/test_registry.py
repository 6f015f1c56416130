"""A carrier is one folder, found by its description."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import resources.carriers
from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor
from nightmail.carriers.error_tables import ErrorTable
from nightmail.carriers.protocol import Carrier, CarrierSettings
from nightmail.carriers.webhooks import WebhookAnswer, WebhookContent, WebhookRequest, WebhookRoute, WebhookSecret
from nightmail.channels import CHANNELS, SMS
from nightmail.errors import ConfigurationError
from resources.carriers import CARRIERS, Carriers

PIGEON = """
from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor
from nightmail.carriers.error_tables import ErrorTable
from nightmail.carriers.protocol import Check, HandOff, Outcome
from nightmail.channels import SMS

class Pigeon:
    channel, maximum_batch = "sms", 1
    def __init__(self, settings):
        self.name = settings.name
    def hand_off(self, batch, may_go=None):
        return [HandOff(message.message_id, Outcome.ACCEPTED, "feather") for message in batch]
    def find(self, doubtful, claimed):
        return []
    def poll(self, pending):
        return []
    def poll_replies(self, since):
        return []
    def check(self):
        return Check(True, "coo")
    def close(self):
        pass

CARRIER = CarrierDescriptor(
    name="pigeon",
    label="Pigeon",
    adapters=(AdapterDescriptor(channel=SMS, build=Pigeon),),
    errors=ErrorTable("2026-01-01.1", []),
    settings={},
)
"""


def described(name: str = "toy", routes: Sequence[WebhookRoute] = ()) -> CarrierDescriptor:
    adapters = (AdapterDescriptor(channel=SMS, build=lambda settings: pytest.fail(settings.name)),)
    return CarrierDescriptor(
        name=name,
        label="Toy",
        adapters=adapters,
        errors=ErrorTable("2026-01-01.1", []),
        settings={},
        webhooks=tuple(routes),
    )


def route(path: str, *, speaks: bool = False) -> WebhookRoute:
    def read(_request: WebhookRequest, _secrets: Sequence[WebhookSecret]) -> WebhookContent | None:
        return None

    return WebhookRoute(path, "a test", read, (lambda document: WebhookAnswer()) if speaks else None)


def test_the_carriers_are_found_by_their_folders() -> None:
    known = {name: adapter.channel.name for name, adapter in CARRIERS.adapters.items()}
    assert known == {"twilio_sms": "sms", "twilio_voice": "voice", "sendgrid_email": "email", "smtp_email": "email"}
    assert set(known.values()) <= set(CHANNELS)


def test_adding_one_folder_adds_a_carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message) -> None:
    """Nothing else is touched: no asset, no table, no registration."""
    folder = tmp_path / "pigeon"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "carrier.py").write_text(PIGEON)
    monkeypatch.setattr(resources.carriers, "__path__", [*resources.carriers.__path__, str(tmp_path)])
    carriers = Carriers()
    carriers.discover("resources.carriers", resources.carriers.__path__)
    assert list(carriers) == sorted({*CARRIERS, "pigeon"})
    carrier = carriers.build(CarrierSettings("pigeon_sms", name="loft"))
    assert isinstance(carrier, Carrier) and carrier.hand_off([message("sms", "+44")])[0].carrier_message_id == "feather"


def test_a_carrier_of_another_place_is_registered_and_withdrawn() -> None:
    carriers = Carriers()
    toy = described(routes=[route("/webhooks/toy/receipts")])
    carriers.register(toy)
    assert carriers["toy"] is carriers.of_account("toy") is carriers.of_account("toy_sms") is toy
    assert carriers.of_account("toy_fax") is None
    with pytest.raises(ValueError, match="there is a carrier toy already"):
        carriers.register(toy)
    carriers.withdraw("toy")
    assert not carriers


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("Toy", None),
        ("to_y", None),
        ("toy", route("/webhooks/other/receipts")),
        ("toy", route("/webhooks/toy/keys")),
        ("toy", route("/webhooks/toy/pressed", speaks=True)),
    ],
)
def test_a_description_of_the_wrong_form_is_refused(name: str, wrong: WebhookRoute | None) -> None:
    """A path or name that clashes would otherwise show when the first receipt comes."""
    with pytest.raises(ValueError, match=r"carrier's name|is not below|keys pressed in calls"):
        described(name, [] if wrong is None else [wrong])


def test_an_unknown_adapter_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        CARRIERS.build(CarrierSettings("pigeon_sms"))
    assert caught.value.reason == "carrier_unknown"
    assert "twilio_sms" in caught.value.remedy and "smtp_email" in caught.value.remedy


def test_every_adapter_keeps_the_protocol(connect) -> None:
    for name, adapter in CARRIERS.adapters.items():
        carrier = connect(name)
        assert isinstance(carrier, Carrier)
        assert (carrier.channel, carrier.maximum_batch) == (adapter.channel.name, adapter.maximum_batch)
        assert carrier.hand_off([]) == [] and carrier.find([], lambda ids: set()) == [] and carrier.poll([]) == []


def test_describing_carriers_imports_no_sdk() -> None:
    """The command line asks for lists; the SDKs take half a second to import."""
    code = (
        "import sys, resources.carriers as c; c.CARRIERS.adapters; import nightmail.carriers.protocol; "
        "print([m for m in ('twilio', 'sendgrid', 'smtplib', 'paramiko', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
