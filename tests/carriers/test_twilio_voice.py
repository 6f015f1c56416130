"""Calls by the real Twilio SDK against the stand-in: spoken, answered by key, told apart from machines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import InDoubt, Outcome, Pending, ReceiptStatus, ReplyKind, Verdict
from resources.carriers.twilio.callbacks import call_status_receipt, pressed_key
from resources.carriers.twilio.signatures import signature_fits
from tests.support.sandbox_process import WebhookReceiver, eventually

THANKS = b"<Response><Say>Thank you.</Say><Hangup/></Response>"


def call_of(message, receiver, number, text="Invoice 17 is due."):
    call = message("voice", number)
    twiml = (
        f'<?xml version="1.0" encoding="UTF-8"?><Response><Gather input="dtmf" numDigits="1" timeout="6" '
        f'action="{receiver.base_url}/webhooks/twilio/keys?message_id={call.message_id}">'
        f"<Say>{text}</Say><Say>Press 1 to confirm, 2 to cancel.</Say></Gather></Response>"
    )
    return type(call)(call.message_id, call.address, twiml)


@pytest.fixture
def portal(sandbox):
    """Answers a pressed key: the repeat key with the document again, any other with thanks."""
    documents: dict[str, str] = {}

    def answer(posted):
        if posted.path.endswith("/keys"):
            again = posted.form.get("Digits") == "*"
            return 200, documents[posted.query["message_id"]].encode() if again else THANKS
        return 200, b""

    receiver = WebhookReceiver(answer)
    receiver.documents = documents
    yield receiver
    receiver.stop()


def statuses(receiver, sandbox, message_id):
    token = sandbox.told["twilio"]["auth_token"]
    found = []
    for posted in receiver.posted:
        if posted.path.endswith("/call-status") and posted.query["message_id"] == message_id:
            form = {name: [value] for name, value in posted.form.items()}
            assert signature_fits(token, posted.url, form, posted.headers["X-Twilio-Signature"])
            found.append(call_status_receipt(posted.form, posted.query["message_id"]))
    return found


def keys(receiver, message_id):
    return [
        pressed_key(posted.form, posted.query["message_id"])
        for posted in receiver.posted
        if posted.path.endswith("/keys") and posted.query["message_id"] == message_id
    ]


def hand_off(connect, portal, call):
    portal.documents[call.message_id] = call.body
    (done,) = connect("twilio_voice", webhook_base_url=portal.base_url).hand_off([call])
    assert done.outcome is Outcome.ACCEPTED
    return done


def wait_until_ended(portal, message_id, ended=("completed", "busy", "no-answer", "failed")):
    portal.wait_for(
        lambda posted: any(
            p.path.endswith("/call-status") and p.query["message_id"] == message_id and p.form["CallStatus"] in ended
            for p in posted
        )
    )


@pytest.mark.parametrize(("number", "pressed"), [("+447700907034", ["1"]), ("+447700907035", ["2"])])
def test_a_person_presses_a_key_and_the_call_has_a_length(connect, message, sandbox, portal, number, pressed):
    call = call_of(message, portal, number)
    done = hand_off(connect, portal, call)
    wait_until_ended(portal, call.message_id)
    replies = keys(portal, call.message_id)
    assert [reply.text for reply in replies] == pressed
    assert replies[0].kind is ReplyKind.KEY and replies[0].sender == number
    assert replies[0].message_id == call.message_id and replies[0].carrier_message_id == done.carrier_message_id
    receipts = statuses(portal, sandbox, call.message_id)
    assert {r.status for r in receipts} >= {ReceiptStatus.SENT, ReceiptStatus.RINGING, ReceiptStatus.ANSWERED}
    (ended,) = [r for r in receipts if r.duration_s is not None]
    assert ended.status is ReceiptStatus.ANSWERED and ended.duration_s > 0 and ended.occurred_at is not None


def test_the_repeat_key_is_asked_for_again(connect, message, sandbox, portal):
    call = call_of(message, portal, "+447700907036")
    hand_off(connect, portal, call)
    wait_until_ended(portal, call.message_id)
    assert [reply.text for reply in keys(portal, call.message_id)] == ["*", "1"]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("+447700907030", ReceiptStatus.BUSY),
        ("+447700907031", ReceiptStatus.NO_ANSWER),
        ("+447700907032", ReceiptStatus.ANSWERED_BY_MACHINE),
        ("+447700907033", ReceiptStatus.FAILED),
    ],
)
def test_how_a_call_ends_is_told(connect, message, sandbox, portal, number, status):
    call = call_of(message, portal, number)
    hand_off(connect, portal, call)
    wait_until_ended(portal, call.message_id)
    assert status in {r.status for r in statuses(portal, sandbox, call.message_id)}
    assert keys(portal, call.message_id) == []


def test_a_plain_text_is_spoken(connect, message, sandbox):
    call = message("voice", "+447700900140", "Tom & Jerry <3")
    (done,) = connect("twilio_voice").hand_off([call])
    assert done.outcome is Outcome.ACCEPTED


def test_a_document_over_the_carriers_limit_is_refused_without_a_request(connect, message, sandbox):
    before = len(sandbox.accepted())
    (done,) = connect("twilio_voice").hand_off([message("voice", "+447700900141", "<Response>" + "x" * 4000)])
    assert (done.error_code, done.error_class) == ("twiml_too_long", ErrorClass.PERMANENT_MESSAGE)
    assert len(sandbox.accepted()) == before


def test_a_number_that_cannot_be_called_is_classed(connect, message):
    for number, code in (
        ("+447700907001", "21211"),
        ("+447700907003", "21215"),
        ("+15005550002", "21214"),
        ("+15005550004", "21216"),
    ):
        (done,) = connect("twilio_voice").hand_off([message("voice", number)])
        assert (done.error_code, done.error_class) == (code, ErrorClass.PERMANENT_ADDRESS)


def test_how_calls_ended_can_be_polled(connect, message, sandbox):
    carrier = connect("twilio_voice")
    calls = {
        message("voice", "+447700907037", "<Response><Say>Hello</Say></Response>"): ReceiptStatus.ANSWERED,
        message("voice", "+447700907030"): ReceiptStatus.BUSY,
        message("voice", "+447700907032"): ReceiptStatus.ANSWERED_BY_MACHINE,
    }
    done = {call.message_id: carrier.hand_off([call])[0] for call in calls}
    pending = [Pending(name, entry.carrier_message_id, datetime.now(UTC)) for name, entry in done.items()]

    def ended():
        receipts = {receipt.message_id: receipt for receipt in carrier.poll(pending)}
        over = len(receipts) == 3 and all(receipt.duration_s is not None for receipt in receipts.values())
        return receipts if over else None

    receipts = eventually(ended)
    assert {call: receipts[call.message_id].status for call in calls} == calls
    (spoken,) = [receipts[call.message_id] for call, status in calls.items() if status is ReceiptStatus.ANSWERED]
    assert spoken.duration_s > 0 and spoken.cost > 0 and spoken.currency == "USD"


def test_a_call_in_doubt_is_found_by_recipient_and_caller(connect, message, sandbox):
    carrier = connect("twilio_voice", timeout_s=0.5)
    call, other = message("voice", "+447700900142"), message("voice", "+447700900143")
    since = datetime.now(UTC)
    sandbox.faults({"kind": "hang_after", "on": "calls", "count": 1})
    assert carrier.hand_off([call])[0].outcome is Outcome.IN_DOUBT
    findings = carrier.find([InDoubt(call, since), InDoubt(other, since)], lambda ids: set())
    assert [finding.verdict for finding in findings] == [Verdict.TAKEN, Verdict.ABSENT]
    # Doubts come with what the ledger says that they were sent from.
    for sender, verdict in (("+15005550006", Verdict.TAKEN), ("+15005550007", Verdict.ABSENT)):
        (finding,) = carrier.find([InDoubt(replace(call, sender=sender), since)], lambda ids: set())
        assert (finding.verdict, finding.detail) == (verdict, None)
