"""A carrier is one file."""

from __future__ import annotations

import subprocess
import sys

import resources.carriers
from nightmail.carriers.protocol import Carrier, CarrierSettings
from resources.carriers import build_carrier, known_carriers

PIGEON = """
from nightmail.carriers.protocol import Check, HandOff, Outcome

class Pigeon:
    channel, maximum_batch = "sms", 1
    def __init__(self, settings):
        self.name = settings.name
    def hand_off(self, batch):
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

build = Pigeon
"""


def test_the_known_carriers_are_found_by_their_files():
    known = known_carriers()
    assert known.items() >= {
        "twilio_sms": "sms", "twilio_voice": "voice", "sendgrid_email": "email", "smtp_email": "email",
    }.items()  # fmt: skip
    assert all(name.endswith(f"_{channel}") for name, channel in known.items())


def test_adding_one_file_adds_a_carrier(tmp_path, monkeypatch, message):
    """Nothing else is touched: no asset, no table, no registration."""
    (tmp_path / "pigeon_sms.py").write_text(PIGEON)
    monkeypatch.setattr(resources.carriers, "__path__", [*resources.carriers.__path__, str(tmp_path)])
    assert known_carriers()["pigeon_sms"] == "sms"
    carrier = build_carrier(CarrierSettings("pigeon_sms", name="loft"))
    assert isinstance(carrier, Carrier) and carrier.hand_off([message("sms", "+44")])[0].carrier_message_id == "feather"


def test_every_adapter_keeps_the_protocol(connect):
    for adapter in ("twilio_sms", "twilio_voice", "sendgrid_email", "smtp_email"):
        carrier = connect(adapter)
        assert isinstance(carrier, Carrier)
        assert carrier.channel == known_carriers()[adapter] and carrier.maximum_batch >= 1
        assert carrier.hand_off([]) == [] and carrier.find([], lambda ids: set()) == [] and carrier.poll([]) == []


def test_listing_carriers_imports_no_sdk():
    """The command line asks for the list; the SDKs take half a second to import."""
    code = (
        "import sys, resources.carriers as c; c.known_carriers(); import nightmail.carriers.protocol; "
        "print([m for m in ('twilio', 'sendgrid', 'smtplib', 'paramiko') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
