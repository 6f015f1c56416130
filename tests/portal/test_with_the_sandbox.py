"""The portal and the carriers' stand-ins, which sign and post on their own: what is handed off comes back as receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.carriers.protocol import CarrierSettings, Outcome, OutgoingMessage
from resources.carriers import CARRIERS
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.support.sandbox_process import RunningCarriers, eventually

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningCarriers]:
    carriers = RunningCarriers(tmp_path / "carriers")
    carriers.behave_well()
    yield carriers
    carriers.stop()


@pytest.fixture
def connected(
    start_portal: PortalStarter, organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> RunningPortal:
    """A portal that knows the sandbox's accounts, and a sandbox that knows the portal."""
    monkeypatch.setenv("TEST_TWILIO_TOKEN", sandbox.told["twilio"]["auth_token"])
    monkeypatch.setenv("TEST_SENDGRID_KEY", sandbox.told["sendgrid"]["webhook_public_key"])
    with organisation.engine.begin() as connection:
        connection.execute(
            text("update carrier_account set settings = cast(:settings as jsonb) where carrier = 'twilio'"),
            {"settings": json.dumps({"account": sandbox.told["twilio"]["account_sid"]})},
        )
    portal = start_portal()
    sandbox.ask("/webhooks", {"base": portal.url})
    return portal


def hand_off(sandbox: RunningCarriers, portal: RunningPortal, adapter: str, message: OutgoingMessage) -> None:
    account = sandbox.told["twilio"]
    twilio = {"account": account["account_sid"], "secret": account["auth_token"], "sender": "+15005550006"}
    sendgrid = {"secret": sandbox.told["sendgrid"]["api_key"], "sender": "billing@acme.example"}
    settings: dict[str, Any] = twilio if adapter.startswith("twilio") else sendgrid
    carrier = CARRIERS.build(
        CarrierSettings(adapter=adapter, base_url=sandbox.base_url, webhook_base_url=portal.url, **settings)
    )
    (done,) = carrier.hand_off([message])
    carrier.close()
    assert done.outcome is Outcome.ACCEPTED, done


def test_an_sms_is_delivered_and_answered_with_stop(
    connected: RunningPortal, organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """By the real SDK to the stand-in, back by its signed callbacks; its recipient writes STOP, which suppresses."""
    address = "+491701237020"
    message_id = organisation.message(organisation.campaign(), address=address)
    hand_off(sandbox, connected, "twilio_sms", OutgoingMessage(message_id, address, "Your visit is at 9."))
    eventually(lambda: organisation.rows("select * from message where delivery = 'delivered'"))
    eventually(lambda: organisation.rows("select * from suppression where reason = 'opted_out'"))
    assert sandbox.ask()["webhooks_refused"] == 0


def test_a_call_is_repeated_on_a_key_and_its_question_answered(
    connected: RunningPortal, organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """The stand-in follows the document: it presses `*`, hears it again from the portal, then presses 1 and is thanked."""
    address = "+491701237036"
    campaign = organisation.campaign()
    keys = f"{connected.url}/webhooks/twilio/keys?message_id={campaign.token}-2-voice-0"
    document = (
        f'<Response><Gather input="dtmf" numDigits="1" action="{keys}" method="POST">'
        "<Say>Your visit is at 9. Press 1 to confirm.</Say></Gather></Response>"
    )
    message_id = organisation.message(campaign, channel="voice", address=address, body=document)
    hand_off(sandbox, connected, "twilio_voice", OutgoingMessage(message_id, address, document))
    eventually(lambda: organisation.rows("select * from reply"))
    eventually(lambda: organisation.rows("select * from message where delivery = 'answered'"))
    assert [row["text"] for row in organisation.rows("select text from reply")] == ["1"]
    assert sandbox.ask()["webhooks_refused"] == 0


def test_an_email_is_opened(connected: RunningPortal, organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Processed, delivered and opened, in signed batches; each event once though the stand-in tells them twice."""
    sandbox.behave(twice_share=1.0, reorder_share=1.0)
    message_id = organisation.message(organisation.campaign(), channel="email", address="open@example.com")
    email = OutgoingMessage(message_id, "open@example.com", "Your visit is at 9.", subject="Your visit")
    hand_off(sandbox, connected, "sendgrid_email", email)
    eventually(lambda: organisation.rows("select * from message where delivery = 'opened'"))
    eventually(lambda: len(organisation.rows("select * from receipt")) >= 3)
    eventually(lambda: sandbox.ask()["waiting"] == 0)
    statuses = [row["status"] for row in organisation.rows("select status from receipt order by status")]
    assert statuses == sorted(set(statuses))
    assert {"delivered", "opened"} <= set(statuses)
