"""What carriers report is stored once, after its signature fits, and before they are answered that it was taken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from nightmail.channels import SMS
from nightmail.receipts.applied_receipts import event_hash
from resources.carriers import CARRIERS
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.support.database_roles import as_owner
from tests.support.toy_carrier import ToyStandIn, toy_carrier
from tests.support.toy_carrier.webhooks import signature_of as signature_of_toy

STATUS = "/webhooks/twilio/message-status"
SID = "SM" + "1" * 32


def delivered(sid: str = SID, status: str = "delivered") -> dict[str, str]:
    return {"MessageSid": sid, "MessageStatus": status, "To": "+491701234567", "From": "+4915000000000"}


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_a_receipt_is_stored_and_applied_before_the_carrier_is_answered(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """The 204 means committed: the message is delivered when the answer is read."""
    message_id = organisation.message(organisation.campaign(), carrier_message_id=SID)
    answer = portal.twilio(STATUS, delivered(), message_id)
    assert (answer.status_code, answer.content) == (204, b"")
    assert [row["delivery"] for row in organisation.rows("select delivery from message")] == ["delivered"]
    assert [row["status"] for row in organisation.rows("select status from receipt")] == ["delivered"]


@pytest.mark.parametrize("change", ["signature", "token", "body", "message_id", "missing"])
def test_a_forged_webhook_is_refused_and_counted_and_changes_nothing(
    portal: RunningPortal, organisation: Organisation, change: str
) -> None:
    """A wrong signature, another account's, a changed body, a changed address, none: 403 each, and one open alert."""
    message_id = organisation.message(organisation.campaign(), carrier_message_id=SID)
    if change == "signature":
        answer = portal.twilio(STATUS, delivered(), message_id, signature="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    elif change == "token":
        answer = portal.twilio(STATUS, delivered(), message_id, token="f" * 32)
    else:
        from resources.carriers.twilio.signatures import signature_of
        from tests.portal.conftest import ACCOUNT, AUTH_TOKEN

        address = f"{portal.url}{STATUS}?message_id={message_id}"
        form = {"AccountSid": ACCOUNT, **delivered()}
        headers = {"X-Twilio-Signature": signature_of(address, form, AUTH_TOKEN)} if change != "missing" else {}
        if change == "body":
            form["MessageStatus"] = "failed"
        if change == "message_id":
            address = address.replace("-2-sms", "-3-sms")
        answer = portal.client.post(address, data=form, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "webhook_forged"
    assert organisation.rows("select delivery from message where delivery is not null") == []
    assert organisation.rows("select * from receipt") == []
    wait_until(lambda: organisation.rows("select * from alert"))
    (alert,) = organisation.rows("select reason, subject, times from alert")
    assert alert == {"reason": "webhook_forged", "subject": STATUS, "times": 1}


def test_many_forgeries_are_one_alert_with_their_number(portal: RunningPortal, organisation: Organisation) -> None:
    """An attacker cannot fill the alerts: one row counts."""
    for _ in range(40):
        assert portal.twilio(STATUS, delivered(), signature="x").status_code == 403
    wait_until(lambda: sum(row["times"] for row in organisation.rows("select times from alert")) == 40)
    assert len(organisation.rows("select * from alert")) == 1


def test_a_replayed_receipt_is_taken_and_stored_once(portal: RunningPortal, organisation: Organisation) -> None:
    """Carriers tell things twice: the second is answered alike and changes nothing."""
    message_id = organisation.message(organisation.campaign(), carrier_message_id=SID)
    answers = [portal.twilio(STATUS, delivered(), message_id).status_code for _ in range(3)]
    assert answers == [204, 204, 204]
    assert len(organisation.rows("select * from receipt")) == 1


def test_a_receipt_for_an_unknown_message_is_kept_unattached(portal: RunningPortal, organisation: Organisation) -> None:
    """It may be of a campaign that was restored away: it is taken, kept, and tied to nothing."""
    assert portal.twilio(STATUS, delivered(), "cdeadbeef00-7-sms-0").status_code == 204
    assert portal.twilio(STATUS, delivered("SM" + "2" * 32), "not-a-message-id").status_code == 204
    rows = organisation.rows("select carrier_message_id, message_key, campaign_id from receipt order by 1")
    assert [row["message_key"] for row in rows] == [None, None]
    assert [row["carrier_message_id"] for row in rows] == [SID, "SM" + "2" * 32]


def test_receipts_at_the_same_time_share_commits(portal: RunningPortal, organisation: Organisation) -> None:
    """A hundred at once are all stored, in far fewer transactions."""
    campaign = organisation.campaign()
    for line in range(1, 101):
        organisation.message(campaign, line=line, carrier_message_id=f"SM{line:032d}")

    def tell(line: int) -> int:
        return portal.twilio(STATUS, delivered(f"SM{line:032d}"), f"{campaign.token}-{line}-sms-0").status_code

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(tell, range(1, 101))) == {204}
    assert organisation.rows("select count(*) as n from message where delivery = 'delivered'") == [{"n": 100}]
    health = portal.client.get("/health").json()
    assert (health["status"], health["receipts_stored"], health["receipts_waiting"]) == ("well", 100, 0)


def test_a_call_and_the_key_pressed_in_it(portal: RunningPortal, organisation: Organisation) -> None:
    """The repeat key has the document said again and is no answer; the answer is stored and thanked for."""
    document = "<Response><Say>Your visit is at 9.</Say></Response>"
    campaign = organisation.campaign()
    message_id = organisation.message(campaign, channel="voice", body=document)
    call = {"CallSid": "CA" + "1" * 32, "To": "+491701234567", "From": "+4915000000000"}
    status = {**call, "CallStatus": "completed", "AnsweredBy": "human", "CallDuration": "31"}
    assert portal.twilio("/webhooks/twilio/call-status", status, message_id).status_code == 204
    again = portal.twilio("/webhooks/twilio/keys", {**call, "Digits": "*"}, message_id)
    assert (again.status_code, again.text) == (200, document)
    assert again.headers["content-type"].startswith("text/xml")
    assert organisation.rows("select * from reply") == []
    answered = portal.twilio("/webhooks/twilio/keys", {**call, "Digits": "1"}, message_id)
    assert "Thank you. See you soon." in answered.text
    assert "<Hangup/>" in answered.text
    (reply,) = organisation.rows("select channel, kind, text, campaign_id from reply")
    assert reply == {"channel": "voice", "kind": "key", "text": "1", "campaign_id": campaign.id}
    (message,) = organisation.rows("select delivery, duration_s from message")
    assert message == {"delivery": "answered", "duration_s": 31}


def test_a_stop_suppresses_the_address_at_once(portal: RunningPortal, organisation: Organisation) -> None:
    """The word STOP holds from the next hand-off on: the suppression is there when the carrier is answered."""
    organisation.message(organisation.campaign(), address="+491701234567")
    form = {"MessageSid": "SM" + "3" * 32, "From": "+491701234567", "To": "+4915000000000", "Body": " stop. "}
    answer = portal.twilio("/webhooks/twilio/inbound-sms", form)
    assert answer.status_code == 200
    assert "<Response/>" in answer.text
    assert organisation.rows("select channel, reason from suppression where lifted_at is null") == [
        {"channel": "sms", "reason": "opted_out"}
    ]


def test_a_signed_batch_of_email_events(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey
) -> None:
    """Events in any order, one unreadable: the others are stored; the same batch again changes nothing."""
    message_id = organisation.message(organisation.campaign(), channel="email", address="a@example.com")
    at = int(time.time())
    events = [
        {"event": "open", "email": "a@example.com", "timestamp": at + 2, "sg_event_id": "e2", "message_id": message_id},
        {
            "event": "delivered",
            "email": "a@example.com",
            "timestamp": at,
            "sg_event_id": "e1",
            "message_id": message_id,
        },
        {"event": "delivered"},
    ]
    assert [portal.sendgrid(sendgrid_key, events).status_code for _ in range(2)] == [204, 204]
    assert organisation.rows("select delivery from message") == [{"delivery": "opened"}]
    stored = {bytes(row["event_key"]) for row in organisation.rows("select event_key from receipt")}
    assert stored == {event_hash("e1"), event_hash("e2")}


@pytest.mark.parametrize("forgery", ["key", "body", "old"])
def test_a_forged_batch_of_email_events_is_refused(
    portal: RunningPortal,
    organisation: Organisation,
    sendgrid_key: ec.EllipticCurvePrivateKey,
    forgery: str,
) -> None:
    """Signed by another key, changed by one space, or signed long ago: refused."""
    events = [{"event": "delivered", "email": "a@example.com", "timestamp": 1, "sg_event_id": "e1"}]
    if forgery == "key":
        answer = portal.sendgrid(ec.generate_private_key(ec.SECP256R1()), events)
    elif forgery == "body":
        answer = portal.sendgrid(
            sendgrid_key, events, changed=b'[{"event":"delivered", "timestamp":1,"sg_event_id":"e1"}]'
        )
    else:
        answer = portal.sendgrid(sendgrid_key, events, timestamp=time.time() - 30 * 86400)
    reason = "webhook_outdated" if forgery == "old" else "webhook_forged"
    assert (answer.status_code, answer.json()["reason"]) == (403, reason)
    assert organisation.rows("select * from receipt") == []
    wait_until(lambda: organisation.rows("select * from alert"))
    (alert,) = organisation.rows("select reason, message from alert")
    assert alert["reason"] == reason
    assert ("clock" in alert["message"]) == (forgery == "old")


def test_what_is_no_webhook_is_answered_as_a_problem(portal: RunningPortal, organisation: Organisation) -> None:
    """A GET, an unknown address, a signed form that is not Twilio's, a body over the limit: a problem each."""
    assert portal.client.get(STATUS).status_code == 405
    assert portal.client.get(STATUS).headers["allow"] == "POST"
    assert portal.client.post("/webhooks/nobody").status_code == 404
    assert portal.twilio(STATUS, {"Hello": "World"}).json()["reason"] == "request_malformed"
    large = portal.client.post(STATUS, content=b"x" * (4 * 1024**2 + 1))
    assert (large.status_code, large.json()["reason"]) == (413, "request_too_large")


def test_an_account_added_a_moment_ago_is_known_at_once(
    portal: RunningPortal, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The accounts' secrets are kept for some seconds; a signature that fits none has them read again."""
    assert portal.twilio(STATUS, delivered(), token="e" * 32).status_code == 403
    monkeypatch.setenv("TEST_SECOND_TOKEN", "e" * 32)
    with organisation.engine.begin() as connection:
        connection.execute(
            text(
                "insert into carrier_account (name, carrier, channel, secret)"
                " values ('second', 'twilio', 'sms', 'env:TEST_SECOND_TOKEN')"
            )
        )
    wait_until(lambda: portal.twilio(STATUS, delivered(), token="e" * 32).status_code == 204, 5)


def test_while_the_database_is_away_the_carrier_is_asked_to_come_again(
    start_portal: PortalStarter, organisation: Organisation
) -> None:
    """Nothing is acknowledged that is not stored: 503 with Retry-After, and the same receipt is taken later."""
    database = organisation.engine
    message_id = organisation.message(organisation.campaign(), carrier_message_id=SID)
    here = database.url.set(drivername="postgresql")
    nowhere = here.set(host="127.0.0.1", port=1, query={})
    reached = threading.Event()

    def connect() -> Any:
        return psycopg.connect((here if reached.is_set() else nowhere).render_as_string(hide_password=False))

    organisation.engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    portal = start_portal()
    organisation.engine = database
    refused = portal.twilio(STATUS, delivered(), message_id)
    assert (refused.status_code, refused.json()["reason"]) == (503, "database_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    reached.set()
    assert portal.twilio(STATUS, delivered(), message_id).status_code == 204
    reached.clear()
    assert portal.twilio(STATUS, delivered(status="sent"), message_id).status_code == 503
    reached.set()
    assert portal.twilio(STATUS, delivered(status="sent"), message_id).status_code == 204
    assert organisation.rows("select delivery from message") == [{"delivery": "delivered"}]
    assert len(organisation.rows("select * from receipt")) == 2


def test_one_request_that_cannot_be_stored_spoils_no_other(portal: RunningPortal, organisation: Organisation) -> None:
    """Requests share a batch: what the database refuses of one is told to that one alone, the others are stored."""
    campaign = organisation.campaign()
    for line in range(1, 21):
        organisation.message(campaign, line=line, carrier_message_id=f"SM{line:032d}")
    with as_owner(organisation.engine).begin() as connection:
        connection.execute(
            text(f"alter table receipt add constraint odd check (carrier_message_id <> '{f'SM{7:032d}'}')")
        )

    def tell(line: int) -> int:
        return portal.twilio(STATUS, delivered(f"SM{line:032d}"), f"{campaign.token}-{line}-sms-0").status_code

    with ThreadPoolExecutor(20) as threads:
        answers = dict(zip(range(1, 21), threads.map(tell, range(1, 21)), strict=True))
    assert answers.pop(7) == 500
    assert set(answers.values()) == {204}
    assert organisation.rows("select count(*) as n from message where delivery = 'delivered'") == [{"n": 19}]


def test_a_carrier_of_another_place_is_answered_at_its_own_paths(
    organisation: Organisation, start_portal: PortalStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal finds addresses, secrets and meanings through the carrier's description alone."""
    monkeypatch.setenv("TEST_TOY_KEY", ToyStandIn.key)
    organisation.change(
        "insert into carrier_account (name, carrier, channel, secret, settings) values ('toy', 'toy', 'sms', 'env:TEST_TOY_KEY', '{}')"
    )
    message_id = organisation.message(organisation.campaign(), carrier_message_id="toy-1")
    event = {
        "event": "e1",
        "message": "toy-1",
        "id": message_id,
        "to": "+491701234567",
        "status": "failed",
        "code": "gone",
    }
    body = json.dumps(event).encode()
    path = "/webhooks/toy/status"
    assert start_portal().client.post(path, content=body).status_code == 404
    CARRIERS.register(toy_carrier(SMS))
    try:
        client = start_portal().client
        assert (
            client.post(path, content=body, headers={"X-Toy-Signature": "0" * 64}).json()["reason"] == "webhook_forged"
        )
        signature = signature_of_toy(ToyStandIn.key, body)
        for _ in range(2):
            assert client.post(path, content=body, headers={"X-Toy-Signature": signature}).status_code == 204
        wrong = signature_of_toy(ToyStandIn.key, b"{}")
        refused = client.post(path, content=b"{}", headers={"X-Toy-Signature": wrong})
        assert (refused.status_code, refused.json()["reason"]) == (400, "request_malformed")
    finally:
        CARRIERS.withdraw("toy")
    assert organisation.rows("select delivery, delivery_error from message") == [
        {"delivery": "failed", "delivery_error": "gone"}
    ]
    assert organisation.rows("select reason, source from suppression") == [
        {"reason": "hard_bounce", "source": "receipt:toy"}
    ]
