"""Email by SMTP against the sandbox's server: the second carrier, which keeps no records."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import InDoubt, Outcome, Verdict
from nightmail.errors import ConfigurationError

NOW = datetime.now(UTC)


def test_letters_are_taken_once_over_one_connection(connect, message, sandbox):
    carrier = connect("smtp_email")
    mails = [
        message("email", f"reader{n}@mail.example", f".Dear\n..dots {n}\n.", subject=f"Überfällig {n}", html="<p>é</p>")
        for n in range(5)
    ]
    outcomes = carrier.hand_off(mails)
    assert {entry.outcome for entry in outcomes} == {Outcome.ACCEPTED}
    rows = [row for row in sandbox.accepted() if row["carrier"] == "smtp"]
    assert [row["message_id"] for row in rows[-5:]] == [mail.message_id for mail in mails]
    assert rows[-1]["carrier_id"] == outcomes[-1].carrier_message_id


@pytest.mark.parametrize(
    ("address", "code", "outcome", "error_class"),
    [
        ("bounce@mail.example", "5.1.1", Outcome.REJECTED, ErrorClass.SUPPRESS),
        ("blocked@mail.example", "5.7.1", Outcome.REJECTED, ErrorClass.STOP_AND_ALERT),
        ("defer@mail.example", "4.7.1", Outcome.RETRY_LATER, ErrorClass.RETRY_LATER),
        ("refuse@mail.example", "5.3.4", Outcome.REJECTED, ErrorClass.PERMANENT_MESSAGE),
    ],
)
def test_a_refusal_is_classed_and_the_next_letter_goes_through(connect, message, address, code, outcome, error_class):
    carrier = connect("smtp_email")
    bad, good = carrier.hand_off([message("email", address, "x"), message("email", "a@mail.example", "x")])
    assert bad.outcome is outcome and bad.error_class is error_class
    assert bad.error_code in (code, "451")
    assert good.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("answer", "code", "error_class"),
    [
        ((550, b"No such user"), "550", ErrorClass.PERMANENT_ADDRESS),
        ((550, b"5.2.99 Something about the mailbox"), "550", ErrorClass.PERMANENT_ADDRESS),
        ((550, b"5.7.25 Who are you?"), "5.7.25", ErrorClass.STOP_AND_ALERT),
        ((550, b"5.7.515 A rule of ours"), "5.7.515", ErrorClass.UNKNOWN),
        ((556, b"5.5.99 Odd"), "5.5.99", ErrorClass.UNKNOWN),
        ((535, b"5.7.99 No"), "535", ErrorClass.STOP_AND_ALERT),
        ((554, b"Transaction failed"), "554", ErrorClass.UNKNOWN),
        ((471, b"Later"), "471", ErrorClass.RETRY_LATER),
    ],
)
def test_a_rule_of_the_servers_is_not_the_mailboxs_fault(connect, message, monkeypatch, answer, code, error_class):
    """An unknown rule that was read as a bad mailbox would fail a whole campaign without a word."""
    carrier = connect("smtp_email")
    monkeypatch.setattr("smtplib.SMTP.rcpt", lambda *_: answer)
    (done,) = carrier.hand_off([message("email", "a@mail.example", "x")])
    assert (done.error_code, done.error_class) == (code, error_class)
    assert done.alerts == (error_class in (ErrorClass.STOP_AND_ALERT, ErrorClass.UNKNOWN))


@pytest.mark.parametrize(("kind", "taken"), [("reset_after", 1), ("hang_after", 1), ("reset_before", 0)])
def test_a_lost_answer_is_in_doubt_and_a_connection_lost_before_the_text_is_not(connect, message, sandbox, kind, taken):
    carrier = connect("smtp_email", timeout_s=0.5)
    sandbox.faults({"kind": kind, "on": "smtp", "count": 1, "seconds": 30})
    mail = message("email", "b@mail.example", "x")
    (done,) = carrier.hand_off([mail])
    assert done.outcome is (Outcome.IN_DOUBT if taken else Outcome.RETRY_LATER)
    assert sandbox.accepted_ids().count(mail.message_id) == taken
    assert carrier.find([InDoubt(mail, NOW)], lambda ids: set())[0].verdict is Verdict.UNKNOWN
    (after,) = carrier.hand_off([message("email", "c@mail.example", "x")])
    assert after.outcome is Outcome.ACCEPTED


def test_a_wrong_password_stops_and_alerts(connect, message):
    carrier = connect("smtp_email", secret="wrong")
    (done,) = carrier.hand_off([message("email", "d@mail.example", "x")])
    assert (done.error_code, done.error_class) == ("5.7.8", ErrorClass.STOP_AND_ALERT)
    check = carrier.check()
    assert not check.well and "credentials" in check.message


def test_a_server_that_is_away_took_nothing(connect, message):
    carrier = connect("smtp_email", base_url="smtp://127.0.0.1:1")
    assert carrier.hand_off([message("email", "e@mail.example", "x")])[0].outcome is Outcome.RETRY_LATER
    assert not carrier.check().well


def test_a_header_cannot_be_smuggled_in(connect, message):
    mail = message("email", "f@mail.example", "x", subject="Hello\r\nBcc: everyone@mail.example")
    (done,) = connect("smtp_email").hand_off([mail])
    assert (done.outcome, done.error_class) == (Outcome.REJECTED, ErrorClass.PERMANENT_MESSAGE)


def test_an_address_that_is_none_of_smtp_is_refused_at_once(connect):
    with pytest.raises(ConfigurationError):
        connect("smtp_email", base_url="https://mail.example")
