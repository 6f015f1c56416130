"""SMS by the real Twilio SDK against the stand-in: what is certain after every kind of answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import InDoubt, Outcome, Pending, ReceiptStatus, ReplyKind, Verdict
from nightmail.errors import ConfigurationError
from tests.support.sandbox_process import eventually

NOW = datetime.now(UTC)


def none_claimed(_):
    return set()


def test_an_accepted_message_has_the_carriers_id_and_segments(connect, message, sandbox):
    sms = message("sms", "+447700900123", "x" * 161)
    (done,) = connect("twilio_sms", webhook_base_url="http://127.0.0.1:9").hand_off([sms])
    assert done.outcome is Outcome.ACCEPTED and done.segments == 2 and done.message_id == sms.message_id
    (row,) = [row for row in sandbox.accepted() if row["carrier_id"] == done.carrier_message_id]
    assert row["message_id"] == sms.message_id and row["to"] == "+447700900123" and row["channel"] == "sms"


@pytest.mark.parametrize(
    ("number", "code", "error_class"),
    [
        ("+447700907001", "21211", ErrorClass.PERMANENT_ADDRESS),
        ("+447700907002", "21610", ErrorClass.SUPPRESS),
        ("+447700907003", "21408", ErrorClass.PERMANENT_ADDRESS),
        ("+447700907004", "21614", ErrorClass.PERMANENT_ADDRESS),
        ("+15005550001", "21211", ErrorClass.PERMANENT_ADDRESS),
        ("+15005550004", "21610", ErrorClass.SUPPRESS),
        ("+447700907006", "29999", ErrorClass.UNKNOWN),
        ("not a number", "21211", ErrorClass.PERMANENT_ADDRESS),
    ],
)
def test_a_refusal_is_classed_and_not_retried(connect, message, number, code, error_class):
    (done,) = connect("twilio_sms").hand_off([message("sms", number)])
    assert (done.outcome, done.error_code, done.error_class) == (Outcome.REJECTED, code, error_class)
    assert done.alerts == (error_class is ErrorClass.UNKNOWN)


def test_the_carriers_words_hold_no_address(connect, message):
    """Twilio repeats the number in its sentences; an unknown code's sentence is kept, without it."""
    for number in ("+447700907006", "+447700907001"):
        (done,) = connect("twilio_sms").hand_off([message("sms", number)])
        assert done.error.meaning and number not in done.error.meaning and "7700" not in done.error.meaning


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, "20003"),
        ({"sender": "+15005550007"}, "21606"),
        ({"sender": "+15005550001"}, "21212"),
        ({"sender": None}, "21603"),
    ],
)
def test_a_wrong_account_or_sender_stops_and_alerts(connect, message, changes, code):
    (done,) = connect("twilio_sms", **changes).hand_off([message("sms", "+447700900124")])
    assert (done.outcome, done.error_code) == (Outcome.REJECTED, code)
    assert done.error_class is ErrorClass.STOP_AND_ALERT and done.alerts


def test_a_sender_that_the_account_does_not_own_stops_and_alerts(connect, message, sandbox):
    sandbox.behave(owned_senders=["+15005550099"])
    (done,) = connect("twilio_sms").hand_off([message("sms", "+447700900125")])
    assert (done.error_code, done.error_class) == ("21659", ErrorClass.STOP_AND_ALERT)


def test_an_empty_and_an_over_long_text_are_refused_for_the_message_alone(connect, message):
    carrier = connect("twilio_sms")
    for body, code in (("", "21602"), ("x" * 1601, "21617")):
        (done,) = carrier.hand_off([message("sms", "+447700900126", body)])
        assert (done.error_code, done.error_class) == (code, ErrorClass.PERMANENT_MESSAGE)


@pytest.mark.parametrize(
    ("fault", "outcome", "taken"),
    [
        ({"kind": "429", "retry_after": 7}, Outcome.RETRY_LATER, 0),
        ({"kind": "500_before"}, Outcome.IN_DOUBT, 0),
        ({"kind": "500_after"}, Outcome.IN_DOUBT, 1),
        ({"kind": "503", "retry_after": 3}, Outcome.IN_DOUBT, 0),
        ({"kind": "reset_before"}, Outcome.IN_DOUBT, 0),
        ({"kind": "reset_after"}, Outcome.IN_DOUBT, 1),
        ({"kind": "hang_before", "seconds": 30}, Outcome.IN_DOUBT, 0),
        ({"kind": "hang_after", "seconds": 30}, Outcome.IN_DOUBT, 1),
        ({"kind": "slow", "seconds": 30}, Outcome.IN_DOUBT, 1),
        ({"kind": "html"}, Outcome.IN_DOUBT, 0),
        ({"kind": "html_after"}, Outcome.IN_DOUBT, 1),
        ({"kind": "html_502"}, Outcome.IN_DOUBT, 0),
        ({"kind": "wait", "seconds": 0.1}, Outcome.ACCEPTED, 1),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_every_fault_ends_as_what_is_certain_and_is_written_once(connect, message, sandbox, fault, outcome, taken):
    """Only 429 is certainly not taken; all else that was written may have been. Nothing is ever written twice."""
    carrier = connect("twilio_sms", timeout_s=0.6)
    sms = message("sms", "+447700900127")
    sandbox.faults({**fault, "count": 1})
    before = len(sandbox.accepted())
    (done,) = carrier.hand_off([sms])
    assert done.outcome is outcome
    assert len(sandbox.accepted()) - before == taken
    assert sum(sandbox.ask()["faults"].values()) >= 1
    assert done.retry_after_s == fault.get("retry_after")
    if fault["kind"] == "429":
        assert done.error_class is ErrorClass.RETRY_LATER
    # The connection is usable again, or replaced: the next message goes through.
    (after,) = carrier.hand_off([message("sms", "+447700900128")])
    assert after.outcome is Outcome.ACCEPTED


def test_a_carrier_that_cannot_be_reached_took_nothing(connect, message):
    (done,) = connect("twilio_sms", base_url="http://127.0.0.1:1").hand_off([message("sms", "+447700900129")])
    assert (done.outcome, done.error_code) == (Outcome.RETRY_LATER, "not_connected")


def test_a_connection_closed_while_idle_is_replaced_before_use(connect, message, sandbox):
    """Else the request is written into the void, and every idle time costs a message in doubt."""
    carrier = connect("twilio_sms")
    for _ in range(3):
        (done,) = carrier.hand_off([message("sms", "+447700900130")])
        assert done.outcome is Outcome.ACCEPTED
        sandbox.ask("/drop", {})
        sandbox.ask()


def test_doubts_are_settled_by_the_records(connect, message, sandbox):
    carrier = connect("twilio_sms", timeout_s=0.5)
    taken, lost = message("sms", "+447700900131", "Taken"), message("sms", "+447700900131", "Not taken")
    since = datetime.now(UTC)
    sandbox.faults({"kind": "reset_after", "count": 1})
    carrier.hand_off([taken])
    sandbox.faults({"kind": "reset_before", "count": 1})
    carrier.hand_off([lost])
    findings = carrier.find([InDoubt(taken, since), InDoubt(lost, since)], none_claimed)
    assert [finding.verdict for finding in findings] == [Verdict.TAKEN, Verdict.ABSENT]
    (row,) = [row for row in sandbox.accepted() if row["carrier_id"] == findings[0].carrier_message_id]
    assert row["to"] == taken.address


def test_two_equal_texts_to_one_number_are_not_taken_for_each_other(connect, message, sandbox):
    """One was taken twice over (two rows of one household), one is in doubt: the record of the first is claimed."""
    carrier = connect("twilio_sms", timeout_s=0.5)
    first, second, third = (message("sms", "+447700900132", "Same text") for _ in range(3))
    since = datetime.now(UTC)
    (known,) = carrier.hand_off([first])

    def claimed(ids):
        return set(ids) & {known.carrier_message_id}

    sandbox.faults({"kind": "reset_before", "count": 1})
    carrier.hand_off([second])
    assert carrier.find([InDoubt(second, since)], claimed)[0].verdict is Verdict.ABSENT
    sandbox.faults({"kind": "500_after", "count": 1})
    carrier.hand_off([third])
    findings = carrier.find([InDoubt(second, since), InDoubt(third, since)], claimed)
    # One unclaimed record for two doubts: it is given once.
    assert [finding.verdict for finding in findings] == [Verdict.TAKEN, Verdict.ABSENT]


def test_an_older_record_is_not_the_message(connect, message):
    carrier = connect("twilio_sms")
    sms = message("sms", "+447700900133")
    carrier.hand_off([sms])
    later = datetime.now(UTC) + timedelta(hours=1)
    assert carrier.find([InDoubt(sms, later)], none_claimed)[0].verdict is Verdict.ABSENT


@pytest.mark.parametrize("offset_s", [-7200, 7200])
def test_a_clock_that_is_wrong_makes_no_taken_message_absent(connect, message, sandbox, offset_s):
    """Where a category states that absent messages are sent again, this would be sending twice."""
    carrier = connect("twilio_sms", timeout_s=0.5)
    sandbox.behave(clock_offset_s=offset_s)
    sms, since = message("sms", "+447700900138"), datetime.now(UTC)
    sandbox.faults({"kind": "reset_after", "count": 1})
    carrier.hand_off([sms])
    assert carrier.find([InDoubt(sms, since)], none_claimed)[0].verdict is Verdict.TAKEN
    check = carrier.check()
    assert not check.well and "clock" in check.message and "NTP" in check.remedy
    sandbox.behave(clock_offset_s=0)
    assert connect("twilio_sms").check().well


def test_records_that_cannot_be_read_prove_nothing(connect, message, sandbox):
    carrier = connect("twilio_sms", timeout_s=0.5)
    sms = message("sms", "+447700900134")
    for kind in ("500_before", "reset_before", "html"):
        sandbox.faults({"kind": kind, "on": "lists", "count": 1})
        assert carrier.find([InDoubt(sms, NOW)], none_claimed)[0].verdict is Verdict.UNKNOWN


def test_receipts_can_be_polled(connect, message, sandbox):
    carrier = connect("twilio_sms")
    messages = [message("sms", f"+4477009{number:05d}") for number in range(1200, 1230)]
    messages.append(message("sms", "+447700907011"))
    done = [carrier.hand_off([sms])[0] for sms in messages]
    pending = [Pending(d.message_id, d.carrier_message_id, datetime.now(UTC)) for d in done]

    def settled():
        receipts = carrier.poll(pending)
        final = {ReceiptStatus.DELIVERED, ReceiptStatus.UNDELIVERED}
        return receipts if len(receipts) == 31 and all(r.status in final for r in receipts) else None

    receipts = {receipt.message_id: receipt for receipt in eventually(settled)}
    assert set(receipts) == {sms.message_id for sms in messages}
    bad = receipts[messages[-1].message_id]
    assert (bad.status, bad.error_code, bad.error_class) == (
        ReceiptStatus.UNDELIVERED,
        "30005",
        ErrorClass.SUPPRESS,
    )
    assert bad.cost is not None and bad.currency == "USD"


def test_a_poll_that_fails_half_way_keeps_what_it_has(connect, message, sandbox):
    carrier = connect("twilio_sms")
    done = [carrier.hand_off([message("sms", "+447700900135")])[0] for _ in range(3)]
    pending = [Pending(d.message_id, d.carrier_message_id, datetime.now(UTC)) for d in done]
    sandbox.faults({"kind": "500_before", "on": "lists", "skip": 1})
    assert len(carrier.poll(pending)) == 1


def test_replies_can_be_polled(connect, sandbox):
    since = datetime.now(UTC) - timedelta(seconds=2)
    sandbox.ask("/inbound", {"from": "+447700900136", "to": "+15005550006", "body": "STOP"})
    (reply,) = [r for r in connect("twilio_sms").poll_replies(since) if r.sender == "+447700900136"]
    assert (reply.text, reply.recipient, reply.kind) == ("STOP", "+15005550006", ReplyKind.TEXT)
    assert "447700900136" not in repr(reply)


def test_a_polled_reply_is_the_one_that_a_webhook_brings(connect, sandbox):
    """The messaging service that it came over, and links to what came with it: with it goes whom an opt-out holds for."""
    since = datetime.now(UTC) - timedelta(seconds=2)
    service = "MG" + "7" * 32
    sandbox.ask(
        "/inbound",
        {
            "from": "+447700900137",
            "to": "+15005550006",
            "body": "look",
            "service": service,
            "media": ["image/jpeg", "text/vcard"],
        },
    )

    def polled():
        (reply,) = [r for r in connect("twilio_sms").poll_replies(since) if r.sender == "+447700900137"]
        return reply

    assert polled().recipient_service == service
    assert [media.content_type for media in polled().media] == ["image/jpeg", "text/vcard"]
    assert all(f"/Messages/{polled().event_key}/Media/ME" in media.url for media in polled().media)


def test_the_check_tells_what_is_wrong(connect):
    assert connect("twilio_sms").check().well
    wrong = connect("twilio_sms", secret="wrong").check()
    assert not wrong.well and "credentials" in wrong.message and wrong.remedy
    away = connect("twilio_sms", base_url="http://127.0.0.1:1").check()
    assert not away.well and "reached" in away.message


@pytest.mark.parametrize(
    "changes",
    [
        {"account": ""},
        {"account": "ACxyz"},
        {"secret": ""},
        {"base_url": "ftp://x"},
        {"base_url": "http://api.example"},
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(connect, changes):
    with pytest.raises(ConfigurationError) as caught:
        connect("twilio_sms", **changes)
    assert caught.value.remedy


def test_an_unknown_carrier_names_the_known_ones(connect):
    with pytest.raises(ConfigurationError) as caught:
        connect("pigeon_sms")
    assert "twilio_sms" in caught.value.remedy and "smtp_email" in caught.value.remedy


def test_nothing_more_is_asked_once_an_answer_is_lost(connect, message, sandbox):
    """A thousand doubts at a carrier that hangs would be waited for one by one, for hours; nothing is taken for absent."""
    carrier = connect("twilio_sms", timeout_s=0.5)
    doubts = [InDoubt(message("sms", f"+4477009001{number}"), datetime.now(UTC)) for number in range(40, 44)]
    sandbox.faults({"kind": "hang_before", "on": "lists", "seconds": 2, "count": 1, "skip": 1})
    verdicts = [finding.verdict for finding in carrier.find(doubts, none_claimed)]
    assert verdicts == [Verdict.ABSENT, Verdict.UNKNOWN, Verdict.UNKNOWN, Verdict.UNKNOWN]
