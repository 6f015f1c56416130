"""Carriers' webhooks: signed by the stand-ins on their own, verified by the SDKs, read into neutral words."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import Outcome, ReceiptStatus, ReplyKind
from nightmail.carriers.webhooks import is_outdated
from nightmail.errors import ConfigurationError
from resources.carriers.sendgrid import signatures as sendgrid_signatures
from resources.carriers.sendgrid.events import carrier_id, events
from resources.carriers.twilio.callbacks import call_status_receipt, inbound_sms, message_status, pressed_key
from resources.carriers.twilio.signatures import signature_fits, signature_of

MESSAGE_ID = "c00000000aa-17-sms-0"


def twilio_right(sandbox, posted, url=None):
    token = sandbox.told["twilio"]["auth_token"]
    form = parse_qs(posted.body.decode(), keep_blank_values=True)
    return signature_fits(token, url or posted.url, form, posted.headers.get("X-Twilio-Signature"))


def sendgrid_right(sandbox, posted, body=None, **changes):
    headers = {name.lower(): value for name, value in posted.headers.items()}
    return sendgrid_signatures.signature_fits(
        sandbox.told["sendgrid"]["webhook_public_key"],
        posted.body if body is None else body,
        headers["x-twilio-email-event-webhook-signature"],
        changes.get("timestamp", headers["x-twilio-email-event-webhook-timestamp"]),
    )


def sms_receipts(webhooks, message_id):
    return [
        message_status(posted.form, posted.query.get("message_id"))
        for posted in webhooks.posted
        if posted.path.endswith("/message-status") and posted.query.get("message_id") == message_id
    ]


@pytest.mark.parametrize(
    ("number", "status", "code", "error_class"),
    [
        ("+447700900150", ReceiptStatus.DELIVERED, None, None),
        ("+447700907010", ReceiptStatus.UNDELIVERED, "30003", ErrorClass.PERMANENT_ADDRESS),
        ("+447700907011", ReceiptStatus.UNDELIVERED, "30005", ErrorClass.SUPPRESS),
        ("+447700907014", ReceiptStatus.FAILED, "30008", ErrorClass.PERMANENT_MESSAGE),
    ],
)
def test_how_an_sms_ends_is_told_and_signed(connect, message, sandbox, webhooks, number, status, code, error_class):
    sms = message("sms", number)
    (done,) = connect("twilio_sms", webhook_base_url=webhooks.base_url).hand_off([sms])
    webhooks.wait_for(lambda _: any(r.status is status for r in sms_receipts(webhooks, sms.message_id)))
    (last,) = [receipt for receipt in sms_receipts(webhooks, sms.message_id) if receipt.status is status]
    assert (last.error_code, last.error_class) == (code, error_class)
    assert last.address == (number if error_class is ErrorClass.SUPPRESS else None)
    assert last.message_id == sms.message_id and last.carrier_message_id == done.carrier_message_id
    assert number not in repr(last)
    assert all(twilio_right(sandbox, posted) for posted in webhooks.posted)


def test_a_callback_names_its_message_even_when_the_answer_was_lost(connect, message, sandbox, webhooks):
    """This is what settles most doubts: the id is in the address, not only in our books."""
    sandbox.faults({"kind": "reset_after", "count": 1})
    sms = message("sms", "+447700900151")
    (done,) = connect("twilio_sms", webhook_base_url=webhooks.base_url).hand_off([sms])
    assert done.outcome is Outcome.IN_DOUBT
    webhooks.wait_for(lambda _: bool(sms_receipts(webhooks, sms.message_id)))


def test_the_same_event_told_twice_has_one_key(connect, message, sandbox, webhooks):
    sandbox.behave(twice_share=1.0)
    sms = message("sms", "+447700900152")
    connect("twilio_sms", webhook_base_url=webhooks.base_url).hand_off([sms])
    webhooks.wait_for(lambda _: len(sms_receipts(webhooks, sms.message_id)) >= 4)
    keys = [receipt.event_key for receipt in sms_receipts(webhooks, sms.message_id)]
    assert len(keys) == 4 and len(set(keys)) == 2


def test_a_forged_or_altered_post_of_twilios_is_refused(connect, message, sandbox, webhooks):
    sms = message("sms", "+447700900153")
    connect("twilio_sms", webhook_base_url=webhooks.base_url).hand_off([sms])
    posted = webhooks.wait_for(bool)[0]
    assert twilio_right(sandbox, posted)
    form = parse_qs(posted.body.decode(), keep_blank_values=True)
    signature = posted.headers["X-Twilio-Signature"]
    token = sandbox.told["twilio"]["auth_token"]
    altered = {**form, "MessageStatus": ["delivered!"]}
    other = posted.url.replace(sms.message_id, "c00000000aa-99-sms-0")
    assert not signature_fits(token, posted.url, altered, signature)
    assert not signature_fits(token, other, form, signature)
    assert not signature_fits("another token", posted.url, form, signature)
    assert not signature_fits(token, posted.url, form, None)
    assert not signature_fits(token, posted.url, form, "ü")
    # A second value of a name, slipped in behind the first, is not signed.
    assert not signature_fits(
        token, posted.url, {**form, "MessageStatus": [*form["MessageStatus"], "failed"]}, signature
    )


def test_our_own_signature_is_the_carriers(sandbox):
    """``doctor`` posts to itself with it."""
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    signature = signature_of("https://n.example/x?message_id=1", form, "token")
    listed = {name: [value] for name, value in form.items()}
    assert signature_fits("token", "https://n.example/x?message_id=1", listed, signature)


@pytest.mark.parametrize(("number", "text"), [("+447700907020", "STOP"), ("+447700907021", "YES")])
def test_a_reply_is_posted_and_read(connect, message, sandbox, webhooks, number, text):
    connect("twilio_sms").hand_off([message("sms", number)])

    def replies():
        found = [inbound_sms(posted.form) for posted in webhooks.posted if posted.path.endswith("/inbound-sms")]
        return [reply for reply in found if reply.sender == number]

    webhooks.wait_for(lambda _: bool(replies()))
    reply = replies()[0]
    assert (reply.text, reply.kind, reply.recipient) == (text, ReplyKind.TEXT, "+15005550006")
    assert number not in repr(reply) and text not in repr(reply)
    assert all(twilio_right(sandbox, posted) for posted in webhooks.posted)


def test_after_stop_the_carrier_itself_refuses(connect, message, sandbox):
    sandbox.ask("/inbound", {"from": "+447700900160", "to": "+15005550006", "body": " stop "})
    (done,) = connect("twilio_sms").hand_off([message("sms", "+447700900160")])
    assert (done.error_code, done.error_class) == ("21610", ErrorClass.SUPPRESS)
    sandbox.ask("/inbound", {"from": "+447700900160", "to": "+15005550006", "body": "START"})
    assert connect("twilio_sms").hand_off([message("sms", "+447700900160")])[0].outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "form",
    [{}, {"MessageSid": "SM1"}, {"MessageStatus": "sent"}, {"MessageSid": "x" * 300, "MessageStatus": "sent"}],
)
def test_a_form_that_is_not_twilios_is_a_value_error(form):
    with pytest.raises(ValueError):
        message_status(form, MESSAGE_ID)
    with pytest.raises(ValueError):
        call_status_receipt(form, MESSAGE_ID)
    with pytest.raises(ValueError):
        pressed_key({**form, "CallSid": ""}, MESSAGE_ID)
    with pytest.raises(ValueError):
        inbound_sms({**form, "From": ""})


def test_a_foreign_message_id_and_an_unknown_status_are_not_passed_on():
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    for foreign in (None, "", "'; drop table message", "c00000000aa-0-sms-0"):
        assert message_status(form, foreign).message_id is None
    assert message_status(form, MESSAGE_ID).message_id == MESSAGE_ID
    assert message_status({**form, "MessageStatus": "teleported"}, MESSAGE_ID) is None
    assert pressed_key({"CallSid": "CA1", "To": "+4477", "Digits": ""}, MESSAGE_ID) is None


def email_receipts(webhooks, message_ids):
    found = []
    for posted in webhooks.posted:
        if posted.path.endswith("/events"):
            found += [receipt for receipt in events(posted.body).receipts if receipt.message_id in message_ids]
    return found


def test_every_kind_of_email_event_is_told_signed_and_read(connect, message, sandbox, webhooks):
    mailboxes = ("reader", "bounce", "blocked", "dropped", "defer", "open", "click", "spam", "unsubscribe")
    mails = {
        name: message("email", f"{name}@mail.example", "x", subject="S", categories=("billing",)) for name in mailboxes
    }
    outcomes = connect("sendgrid_email").hand_off(list(mails.values()))
    ids = {mail.message_id for mail in mails.values()}
    webhooks.wait_for(lambda _: len({r.event_key for r in email_receipts(webhooks, ids)}) >= 22)
    told: dict[str, set[ReceiptStatus]] = {name: set() for name in mailboxes}
    by_id = {mail.message_id: name for name, mail in mails.items()}
    for receipt in email_receipts(webhooks, ids):
        told[by_id[receipt.message_id]].add(receipt.status)
        assert receipt.carrier_message_id == outcomes[0].carrier_message_id
        assert receipt.occurred_at is not None and abs(datetime.now(UTC) - receipt.occurred_at) < timedelta(minutes=1)
        assert "mail.example" not in repr(receipt)
    status = ReceiptStatus
    assert told["reader"] >= {status.SENT, status.DELIVERED}
    assert told["bounce"] == {status.SENT, status.BOUNCED} == told["blocked"]
    assert told["dropped"] == {status.DROPPED}
    assert told["defer"] == {status.SENT, status.DEFERRED, status.DELIVERED}
    assert status.OPENED in told["open"] and {status.OPENED, status.CLICKED} <= told["click"]
    assert status.SPAM_REPORT in told["spam"] and status.UNSUBSCRIBED in told["unsubscribe"]
    suppressing = {
        by_id[r.message_id] for r in email_receipts(webhooks, ids) if r.error_class is ErrorClass.SUPPRESS and r.address
    }
    assert suppressing == {"bounce", "dropped", "spam", "unsubscribe"}
    batches = [posted for posted in webhooks.posted if posted.path.endswith("/events")]
    assert all(sendgrid_right(sandbox, posted) for posted in batches)
    # Custom arguments and categories hold nothing of the person's.
    for posted in batches:
        for event in json.loads(posted.body):
            assert set(event) & {"message_id"} and event["category"] == ["billing"]


def test_a_forged_altered_or_replayed_batch_is_refused(connect, message, sandbox, webhooks):
    connect("sendgrid_email").hand_off([message("email", "reader@mail.example", "x", subject="S")])
    posted = webhooks.wait_for(bool)[0]
    assert sendgrid_right(sandbox, posted)
    assert not sendgrid_right(sandbox, posted, body=posted.body.replace(b"processed", b"delivered"))
    assert not sendgrid_right(sandbox, posted, body=posted.body + b" ")
    assert not sendgrid_right(sandbox, posted, timestamp="1700000000")
    assert not sendgrid_right(sandbox, posted, timestamp="not a number")
    assert not sendgrid_right(sandbox, posted, body=b"\xff")
    signed_at = posted.headers["X-Twilio-Email-Event-Webhook-Timestamp"]
    moment = sendgrid_signatures.signed_at(signed_at)
    assert moment == datetime.fromtimestamp(int(signed_at), UTC)
    assert not is_outdated(moment, moment + timedelta(days=2))
    assert is_outdated(moment, moment + timedelta(days=4))
    assert is_outdated(moment, moment - timedelta(days=4))
    key = sandbox.told["sendgrid"]["webhook_public_key"]
    for signature in (None, "", "!!", base64.b64encode(b"short").decode()):
        assert not sendgrid_signatures.signature_fits(key, posted.body, signature, "1700000000")
    with pytest.raises(ConfigurationError):
        sendgrid_signatures.signature_fits("no key", posted.body, "c2ln", "1700000000")


def test_one_bad_event_does_not_spoil_its_batch():
    """Else SendGrid would send the whole batch again for a day."""
    good = {"event": "delivered", "sg_event_id": "e1", "sg_message_id": "abc.recvd-1", "timestamp": 1_700_000_000,
            "message_id": "c00000000aa-17-email-0", "email": "a@mail.example"}  # fmt: skip
    listed = [
        good,
        {**good, "sg_event_id": "e2", "timestamp": "soon"},
        {**good, "sg_event_id": "e3", "timestamp": 10**18},
        {"event": "delivered"},
        "text",
        None,
        {**good, "event": "group_resubscribe"},
        {**good, "event": "open", "sg_machine_open": True},
        {**good, "sg_event_id": "e4", "message_id": ["a list"]},
        {**good, "sg_event_id": "e5", "event": "dropped", "reason": "A reason nobody knows"},
    ]
    batch = events(json.dumps(listed).encode())
    assert [receipt.event_key for receipt in batch.receipts] == ["e1", "e4", "e5"]
    assert (batch.malformed, batch.ignored) == (5, 2)
    assert batch.receipts[0].carrier_message_id == "abc" and batch.receipts[1].message_id is None
    assert batch.receipts[2].error_class is ErrorClass.UNKNOWN
    for body in (b"{}", b"[", b""):
        with pytest.raises(ValueError):
            events(body)


def test_the_carriers_id_ends_at_the_first_full_stop():
    assert carrier_id("14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0") == "14c5d75ce93"
