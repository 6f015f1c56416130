"""Email by the real SendGrid SDK against the stand-in: a thousand at a time, each with its own text and outcome."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import InDoubt, Outcome, Pending, ReceiptStatus, Verdict
from nightmail.errors import ConfigurationError
from resources.carriers.sendgrid.refusals import seconds_to_wait
from tests.support.sandbox_process import eventually

NOW = datetime.now(UTC)


def body_of(sandbox, message_id):
    """The hashes of the text that the stand-in put together for a message."""
    return [row["body_sha256"] for row in sandbox.accepted() if row["message_id"] == message_id]


def digest(mail):
    parts = [mail.subject or " ", mail.body, *([mail.html] if mail.html is not None else [])]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def letters(message, count, size=200, **more):
    padding = "p" * size
    return [
        message(
            "email",
            f"reader{number}@mail.example",
            f"Dear reader {number}, {padding}. Goodbye, {number % 7}!",
            subject=f"Invoice {number}",
            html=f"<p>Dear <b>reader {number}</b>, {padding}</p>",
            **more,
        )
        for number in range(count)
    ]


def requests_of(outcomes):
    return len({outcome.carrier_message_id for outcome in outcomes})


def test_a_thousand_letters_go_in_one_request_and_each_keeps_its_own_text(connect, message, sandbox):
    mails = letters(message, 1000)
    outcomes = connect("sendgrid_email").hand_off(mails)
    assert Counter(outcome.outcome for outcome in outcomes) == {Outcome.ACCEPTED: 1000}
    assert [outcome.message_id for outcome in outcomes] == [mail.message_id for mail in mails]
    assert requests_of(outcomes) == 1
    accepted = {row["message_id"]: row for row in sandbox.accepted()}
    for mail in mails:
        assert accepted[mail.message_id]["body_sha256"] == digest(mail)
        assert accepted[mail.message_id]["to"] == mail.address


@pytest.mark.parametrize(
    "bodies",
    [
        ["same", "same", "same"],
        ["", "a", "aa"],
        ["aaa", "aa", "a"],
        ["x-nightmail-text-y", "x-nightmail-text-z", "-nightmail-html-"],
        ["né", "nè", "nê"],
        ["a" * 9000 + "1", "b" * 9000 + "2", "c"],
        ["abcabc", "abc", "abcabcabc"],
    ],
    ids=["equal", "growing", "shrinking", "our own tag", "accents", "large", "overlapping"],
)
def test_texts_of_every_shape_come_out_as_they_went_in(connect, message, sandbox, bodies):
    mails = [
        message("email", f"shape{number}@mail.example", body or " ", subject="S", html=f"<p>{body}</p>")
        for number, body in enumerate(bodies)
    ]
    outcomes = connect("sendgrid_email").hand_off(mails)
    assert all(outcome.outcome is Outcome.ACCEPTED for outcome in outcomes)
    for mail in mails:
        assert body_of(sandbox, mail.message_id) == [digest(mail)]


def test_messages_that_cannot_share_a_request_get_their_own(connect, message, sandbox):
    mails = [
        message("email", "a@mail.example", "1", subject="S"),
        message("email", "A@mail.example", "2", subject="S"),
        message("email", "b@mail.example", "3", subject="S", categories=("billing",)),
        message("email", "c@mail.example", "4", subject="S", reply_to="help@acme.example"),
        message("email", "d@mail.example", "5", subject="S", sender="other@acme.example"),
        message("email", "e@mail.example", "6" * 12_000, subject="S"),
    ]
    outcomes = connect("sendgrid_email").hand_off(mails)
    assert all(outcome.outcome is Outcome.ACCEPTED for outcome in outcomes)
    assert requests_of(outcomes) == 6
    assert all(body_of(sandbox, mail.message_id) == [digest(mail)] for mail in mails)


def test_newsletters_that_differ_in_a_name_share_a_request_however_large(connect, message):
    outcomes = connect("sendgrid_email").hand_off(letters(message, 50, size=40_000))
    assert requests_of(outcomes) == 1


@pytest.mark.parametrize("names_the_row", [True, False])
def test_a_refused_request_is_cut_down_to_the_bad_row(connect, message, sandbox, names_the_row):
    """With the field named, two requests more; without, by halves. Everybody else gets theirs, once."""
    mails = letters(message, 40)
    bad = [message("email", "refuse@mail.example", "x", subject="S"), message("email", "no address", "x", subject="S")]
    mails[7:7] = bad[:1]
    mails.append(bad[1])
    if not names_the_row:
        mails.append(message("email", "big@mail.example", "x", subject="S", categories=()))
    outcomes = connect("sendgrid_email").hand_off(mails)
    by_id = {outcome.message_id: outcome for outcome in outcomes}
    for mail in bad:
        outcome = by_id[mail.message_id]
        assert (outcome.outcome, outcome.error_class) == (Outcome.REJECTED, ErrorClass.PERMANENT_ADDRESS)
        assert mail.address not in outcome.error.meaning
    good = [mail.message_id for mail in mails if mail not in bad]
    assert all(by_id[name].outcome is Outcome.ACCEPTED for name in good)
    accepted = Counter(row["message_id"] for row in sandbox.accepted())
    assert all(accepted[name] == 1 for name in good)


@pytest.mark.parametrize(
    ("fault", "outcome", "taken"),
    [
        ({"kind": "429", "retry_after": 7}, Outcome.RETRY_LATER, 0),
        ({"kind": "503", "retry_after": 7}, Outcome.IN_DOUBT, 0),
        ({"kind": "500_before"}, Outcome.IN_DOUBT, 0),
        ({"kind": "500_after"}, Outcome.IN_DOUBT, 20),
        ({"kind": "reset_before"}, Outcome.IN_DOUBT, 0),
        ({"kind": "reset_after"}, Outcome.IN_DOUBT, 20),
        ({"kind": "hang_after", "seconds": 30}, Outcome.IN_DOUBT, 20),
        ({"kind": "html"}, Outcome.IN_DOUBT, 0),
        ({"kind": "html_502"}, Outcome.IN_DOUBT, 0),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_a_fault_has_one_outcome_for_all_of_its_request(connect, message, sandbox, fault, outcome, taken):
    carrier = connect("sendgrid_email", timeout_s=0.6)
    sandbox.faults({**fault, "count": 1})
    mails = letters(message, 20)
    before = len(sandbox.accepted())
    outcomes = carrier.hand_off(mails)
    assert {entry.outcome for entry in outcomes} == {outcome}
    assert len(sandbox.accepted()) - before == taken
    if "retry_after" in fault:
        assert {entry.retry_after_s for entry in outcomes} == {7}


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1796040005", 5), ("1796040000000", 86_400), ("²", None), ("9" * 5000, None), ("soon", None), ("", None)],
)
def test_a_reset_of_the_rate_is_a_wait_of_a_day_at_most(reset, seconds):
    """SendGrid tells a Unix time in place of ``Retry-After``; in milliseconds it would be in fifty thousand years."""
    date = formatdate(1_796_040_000, usegmt=True)
    assert seconds_to_wait({"x-ratelimit-reset": reset, "date": date}) == seconds
    assert seconds_to_wait({"x-ratelimit-reset": reset, "date": date, "x-ratelimit-remaining": "0"}) == seconds
    assert seconds_to_wait({"x-ratelimit-reset": reset, "date": date, "x-ratelimit-remaining": "12"}) is None


def test_a_carrier_that_refuses_everybody_is_not_asked_a_thousand_times(connect, message, sandbox):
    """Halving would end in a request per row, each failing; it is no row's fault, and none of them is failed for it."""
    sandbox.faults({"kind": "400"})
    outcomes = connect("sendgrid_email").hand_off(letters(message, 300))
    asked = sandbox.ask()["faults"]["400"]
    sandbox.faults()
    told = Counter((o.outcome, o.error_class, o.error_code) for o in outcomes)
    assert set(told) == {
        (Outcome.REJECTED, ErrorClass.STOP_AND_ALERT, "refused_alike"),
        (Outcome.NOT_TRIED, None, None),
    }
    assert len({o.message_id for o in outcomes}) == 300 and asked < 60


@pytest.mark.parametrize(("in_front", "behind"), [(14, 0), (10, 1), (0, 30), (12, 12)])
def test_many_bad_rows_do_not_look_like_a_carrier_that_refuses_everybody(connect, message, sandbox, in_front, behind):
    """Sorted files have them together, at either end or at both."""
    bad = [message("email", f"bad{n}@mail.example", "x", subject="S", html="x") for n in range(in_front + behind)]
    mails = [*bad[:in_front], *letters(message, 40), *bad[in_front:]]
    sandbox.faults({"kind": "400", "to": "bad"})
    outcomes = connect("sendgrid_email").hand_off(mails)
    assert [o.message_id for o in outcomes] == [mail.message_id for mail in mails]
    refused = {mail.message_id for mail in bad}
    for outcome in outcomes:
        expected = ErrorClass.PERMANENT_MESSAGE if outcome.message_id in refused else None
        assert outcome.error_class is expected, outcome


@pytest.mark.parametrize(
    "fault", [{"kind": "429", "retry_after": 2}, {"kind": "reset_before"}, {"kind": "503"}], ids=lambda f: f["kind"]
)
def test_after_a_request_that_did_not_get_through_the_rest_of_the_batch_is_not_written(
    connect, message, sandbox, fault
):
    """Five requests are needed here; the second does not get through, so no third may be tried in its wake."""
    mails = [message("email", f"n{n}@mail.example", str(n) * 12_000, subject="S") for n in range(5)]
    sandbox.faults({**fault, "count": 1, "skip": 1})
    before = len(sandbox.accepted())
    outcomes = connect("sendgrid_email").hand_off(mails)
    told = [entry.outcome for entry in outcomes]
    assert told[0] is Outcome.ACCEPTED
    assert told[1] in (Outcome.RETRY_LATER, Outcome.IN_DOUBT)
    assert told[2:] == [Outcome.NOT_TRIED] * 3
    assert len(sandbox.accepted()) - before == 1


def test_what_may_go_is_asked_before_every_request(connect, message, sandbox):
    """Of a batch that takes many requests, those that may no longer go are left, and the others go on."""
    mails = [message("email", f"n{n}@mail.example", str(n) * 12_000, subject="S") for n in range(6)]
    asked = []

    def may_go(messages):
        asked.append(len(messages))
        return [each for each in messages if each.address[1] not in "24"]

    outcomes = connect("sendgrid_email").hand_off(mails, may_go)
    expected = [Outcome.NOT_TRIED if n in (2, 4) else Outcome.ACCEPTED for n in range(6)]
    assert [entry.outcome for entry in outcomes] == expected
    assert asked == [1] * 6
    assert sorted(row["to"] for row in sandbox.accepted()[-4:]) == [f"n{n}@mail.example" for n in (0, 1, 3, 5)]


def test_what_nobody_knows_is_not_blamed_on_a_whole_request(connect, message, sandbox):
    """An unknown answer to many at once stops the account; to a single message it is that message's end."""
    sandbox.faults({"kind": "422"})
    many = connect("sendgrid_email").hand_off(letters(message, 300))
    one = connect("sendgrid_email").hand_off(letters(message, 1))
    assert {(o.outcome, o.error_class, o.error_code) for o in many} == {
        (Outcome.REJECTED, ErrorClass.STOP_AND_ALERT, "http 422")
    }
    assert [(o.outcome, o.error_class) for o in one] == [(Outcome.REJECTED, ErrorClass.UNKNOWN)]


@pytest.mark.parametrize(
    "changes",
    [{"secret": "SG.wrong"}, {"secret": "SG.two\nlines"}, {"sender": "nobody@else.example"}, {"sender": None}],
)
def test_a_wrong_key_or_sender_stops_and_alerts(connect, message, sandbox, changes):
    sandbox.behave(owned_senders=["billing@acme.example"])
    outcomes = connect("sendgrid_email", **changes).hand_off(letters(message, 3))
    assert {(entry.outcome, entry.error_class) for entry in outcomes} == {(Outcome.REJECTED, ErrorClass.STOP_AND_ALERT)}


def test_doubts_are_settled_by_the_activity_feed(connect, message, sandbox):
    carrier = connect("sendgrid_email", timeout_s=0.5, options={"activity": "on"})
    taken, lost = letters(message, 30), letters(message, 30)
    sandbox.faults({"kind": "reset_after", "count": 1})
    carrier.hand_off(taken)
    sandbox.faults({"kind": "reset_before", "count": 1})
    carrier.hand_off(lost)
    findings = carrier.find([InDoubt(mail, NOW) for mail in taken + lost], lambda ids: set())
    assert [f.verdict for f in findings] == [Verdict.TAKEN] * 30 + [Verdict.ABSENT] * 30
    sandbox.faults({"kind": "500_before", "on": "lists", "count": 1})
    assert carrier.find([InDoubt(taken[0], NOW)], lambda ids: set())[0].verdict is Verdict.UNKNOWN


def test_without_the_activity_feed_nothing_is_known(connect, message):
    (finding,) = connect("sendgrid_email").find([InDoubt(letters(message, 1)[0], NOW)], lambda ids: set())
    assert finding.verdict is Verdict.UNKNOWN


def test_receipts_can_be_polled_where_the_feed_is_on(connect, message):
    carrier = connect("sendgrid_email", options={"activity": "on"})
    mails = [*letters(message, 25), message("email", "bounce@mail.example", "x", subject="S")]
    done = carrier.hand_off(mails)
    pending = [Pending(d.message_id, d.carrier_message_id, NOW) for d in done]

    def settled():
        receipts = carrier.poll(pending)
        return receipts if {r.status for r in receipts} == {ReceiptStatus.DELIVERED, ReceiptStatus.BOUNCED} else None

    receipts = {receipt.message_id: receipt.status for receipt in eventually(settled)}
    assert len(receipts) == 26 and receipts[mails[-1].message_id] is ReceiptStatus.BOUNCED


def test_the_check_tells_what_is_wrong(connect):
    assert connect("sendgrid_email").check().well
    wrong = connect("sendgrid_email", secret="SG.wrong").check()
    assert not wrong.well and "refuse" in wrong.message and wrong.remedy
    assert not connect("sendgrid_email", base_url="http://127.0.0.1:1").check().well
    with pytest.raises(ConfigurationError):
        connect("sendgrid_email", secret="")
