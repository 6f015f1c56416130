"""The table of error classes: complete where it must be, cautious where it does not know."""

from __future__ import annotations

import re

import pytest

from nightmail.sending.carrier import NOT_REACHED, REACHED, STATUS_RANK, ReceiptStatus
from nightmail.sending.error_classes import ERROR_TABLE, TABLE_VERSION, ErrorClass, classify, meaning
from sandbox import behaviour
from sandbox.twilio_stand_in import _ERRORS

CASES = [
    ("twilio", "21610", ErrorClass.SUPPRESS),
    ("twilio", "21211", ErrorClass.PERMANENT_ADDRESS),
    ("twilio", "20003", ErrorClass.STOP_AND_ALERT),
    ("twilio", "20429", ErrorClass.RETRY_LATER),
    ("twilio", "http 429", ErrorClass.RETRY_LATER),
    ("twilio", "http 503", ErrorClass.IN_DOUBT),
    ("twilio", "http 418", ErrorClass.UNKNOWN),
    ("twilio", "99999", ErrorClass.UNKNOWN),
    ("twilio", None, ErrorClass.UNKNOWN),
    ("sendgrid", "http 400", ErrorClass.PERMANENT_MESSAGE),
    ("sendgrid", "http 500", ErrorClass.IN_DOUBT),
    ("sendgrid", "bounce", ErrorClass.SUPPRESS),
    ("sendgrid", "blocked", ErrorClass.PERMANENT_ADDRESS),
    ("smtp", "5.1.1", ErrorClass.SUPPRESS),
    ("smtp", "4.3.9", ErrorClass.RETRY_LATER),
    ("smtp", "5.9.9", ErrorClass.UNKNOWN),
    ("pigeon", "1", ErrorClass.UNKNOWN),
]


@pytest.mark.parametrize(("family", "code", "expected"), CASES)
def test_codes_have_their_class(family, code, expected):
    assert classify(family, code) is expected


def test_only_what_is_certainly_not_taken_is_retried():
    """A code that is retried though the carrier took the message is a message sent twice."""
    retried = {(e.family, e.code) for e in ERROR_TABLE.values() if e.error_class is ErrorClass.RETRY_LATER}
    on_receipts_only = {("twilio", "30001"), ("twilio", "30022"), ("twilio", "30023")}
    throttled = {("twilio", "20429"), ("twilio", "21611"), ("twilio", "http 429"), ("sendgrid", "http 429")}
    smtp = {(family, code) for family, code in retried if family == "smtp"}
    assert retried == on_receipts_only | throttled | smtp
    assert all(re.fullmatch(r"4\d\d", code) for _, code in smtp)


def test_every_code_of_the_sandbox_but_the_made_up_one_is_known():
    codes = {str(code) for code in _ERRORS} | {
        str(code) for _, code in behaviour.MAGIC_SMS.values() if code is not None
    }
    unknown = {code for code in codes if classify("twilio", code) is ErrorClass.UNKNOWN}
    assert unknown == {"29999", "20001", "20004"}


def test_meanings_are_short_and_the_version_is_a_day_and_a_number():
    assert all((3 <= len(entry.meaning) <= 80 and entry.meaning[0].islower()) or entry.meaning.startswith("SPF")
               for entry in ERROR_TABLE.values())  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d\.\d+", TABLE_VERSION)
    assert meaning("twilio", "21610") and meaning("twilio", "1") == ""


def test_every_status_has_a_rank_and_what_came_of_it_is_one_or_the_other():
    assert set(STATUS_RANK) == set(ReceiptStatus) and not REACHED & NOT_REACHED
    open_ended = set(ReceiptStatus) - REACHED - NOT_REACHED
    assert open_ended == {ReceiptStatus.QUEUED, ReceiptStatus.SENT, ReceiptStatus.DEFERRED, ReceiptStatus.RINGING}
    # An asynchronous bounce comes after the delivery and is right; whoever opened it has it.
    assert STATUS_RANK[ReceiptStatus.OPENED] > STATUS_RANK[ReceiptStatus.BOUNCED] > STATUS_RANK[ReceiptStatus.DELIVERED]
