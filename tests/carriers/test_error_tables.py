"""The table of error classes: complete where it must be, cautious where it does not know."""

from __future__ import annotations

import re

import pytest

from nightmail.carriers.error_tables import ErrorClass, ErrorScope, ErrorTable, SuppressionReason, error_entry
from nightmail.carriers.protocol import NOT_REACHED, REACHED, STATUS_RANK, ReceiptStatus
from resources.carriers import CARRIERS
from sandbox import behaviour
from sandbox.twilio.errors import ERRORS

TABLES = {name: carrier.errors for name, carrier in CARRIERS.items()}
LINES = [(carrier, line) for carrier, table in TABLES.items() for line in table]
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
    ("sendgrid", "blocked", ErrorClass.PERMANENT_MESSAGE),
    ("smtp", "5.1.1", ErrorClass.SUPPRESS),
    ("smtp", "4.3.9", ErrorClass.RETRY_LATER),
    ("smtp", "5.9.9", ErrorClass.UNKNOWN),
    # One number or country must not stop the others, ...
    *(("twilio", code, ErrorClass.PERMANENT_ADDRESS) for code in ("21202", "21203", "21216", "21657", "21703")),
    # ... and what passes, or is the sender's kind or the text, must not suppress anybody.
    *(("twilio", code, ErrorClass.PERMANENT_ADDRESS) for code in ("30003", "30004", "30006")),
    ("twilio", "30005", ErrorClass.SUPPRESS),
    *(
        ("twilio", code, ErrorClass.PERMANENT_MESSAGE)
        for code in ("30007", "30008", "30450", "30453", "30485", "14107")
    ),
    # The operator may have what the carrier gave up on.
    ("twilio", "30410", ErrorClass.IN_DOUBT),
    # Account and sender: nothing goes until somebody has looked.
    *(("twilio", code, ErrorClass.STOP_AND_ALERT) for code in ("10001", "20004", "20010", "21209", "21609", "21704")),
    *(("twilio", code, ErrorClass.STOP_AND_ALERT) for code in ("30033", "30037", "30040", "30041", "63038", "572005")),
    # Refused for now, and no message made.
    *(("twilio", code, ErrorClass.RETRY_LATER) for code in ("10004", "21611", "21702")),
    # Not published, of inbound messages, of what we never ask for, or of another product: nobody should get them.
    *(("twilio", code, ErrorClass.UNKNOWN) for code in ("21269", "21421", "30009", "30010", "32203")),
    ("sendgrid", "http 401", ErrorClass.STOP_AND_ALERT),
    ("sendgrid", "http 406", ErrorClass.STOP_AND_ALERT),
    ("sendgrid", "dropped spam content", ErrorClass.PERMANENT_MESSAGE),
    ("sendgrid", "dropped recipient list over package quota", ErrorClass.STOP_AND_ALERT),
    # Encryption and passwords, which are not the letter's fault.
    *(("smtp", code, ErrorClass.STOP_AND_ALERT) for code in ("432", "4.7.12", "523", "524", "525", "5.7.10", "5.7.13")),
    *(("smtp", code, ErrorClass.STOP_AND_ALERT) for code in ("5.7.20", "5.7.22", "5.7.23", "5.7.25", "5.7.28")),
    *(("smtp", code, ErrorClass.RETRY_LATER) for code in ("455", "471", "4.7.26")),
    ("smtp", "556", ErrorClass.SUPPRESS),
    ("smtp", "554", ErrorClass.UNKNOWN),
]


@pytest.mark.parametrize(("family", "code", "expected"), CASES)
def test_codes_have_their_class(family, code, expected):
    assert TABLES[family].entry(code).error_class is expected


def test_only_what_is_certainly_not_taken_is_retried():
    """A code that is retried though the carrier took the message is a message sent twice."""
    retried = {(carrier, line.code) for carrier, line in LINES if line.error_class is ErrorClass.RETRY_LATER}
    on_receipts_only = {("twilio", code) for code in ("30001", "30017", "30022", "30023")}
    refused_for_now = {("twilio", code) for code in ("10004", "20429", "21611", "21702", "http 429")}
    smtp = {(family, code) for family, code in retried if family == "smtp"}
    assert retried == on_receipts_only | refused_for_now | {("sendgrid", "http 429")} | smtp
    assert all(re.fullmatch(r"4\d\d", code) for _, code in smtp)


def test_every_code_of_the_sandbox_but_the_made_up_one_is_known():
    codes = {str(code) for code in ERRORS} | {str(code) for _, code in behaviour.MAGIC_SMS.values() if code is not None}
    unknown = {code for code in codes if TABLES["twilio"].entry(code).error_class is ErrorClass.UNKNOWN}
    assert unknown == {"29999", "20001"}


SENDERS = {
    "twilio": {
        *("21210", "21212", "21213", "21267", "21601", "21603", "21606", "21607", "21616", "21621", "21659", "21660"),
        *("21661", "21701", "21704", "21705", "21910", "572002", "573002"),
    },
    "sendgrid": {"from"},
    "smtp": {"5.1.7", "5.1.8", "5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.24", "5.7.26", "5.7.27"},
}


def test_what_stops_one_sender_does_not_stop_the_account():
    stopping = {
        carrier: {
            line.code
            for line in table
            if (line.scope, line.error_class) == (ErrorScope.SENDER, ErrorClass.STOP_AND_ALERT)
        }
        for carrier, table in TABLES.items()
    }
    assert stopping == SENDERS
    others = {
        (carrier, line.code)
        for carrier, line in LINES
        if line.scope is ErrorScope.SENDER and line.code not in SENDERS[carrier]
    }
    assert others == {("twilio", "21611")}


def test_what_says_that_we_are_too_fast_is_told_from_a_carrier_that_is_unwell():
    throttling = {(carrier, line.code) for carrier, line in LINES if line.throttles}
    assert throttling == {
        *(("twilio", code) for code in ("20429", "http 429", "21611", "10004")),
        ("sendgrid", "http 429"),
    }


def test_wrong_credentials_are_known_as_such():
    assert {(carrier, line.code) for carrier, line in LINES if line.credentials} == {
        *(("twilio", code) for code in ("20003", "http 401")),
        ("sendgrid", "http 401"),
        *(("smtp", code) for code in ("535", "5.7.8")),
    }


def test_what_a_person_asked_for_is_told_from_an_address_that_is_no_good():
    """The first holds back the other channels too."""
    suppressing = [line for _, line in LINES if line.error_class is ErrorClass.SUPPRESS]
    asked = {line.code: line.suppress_as for line in suppressing if line.suppress_as != "hard_bounce"}
    assert asked == {
        "21610": "opted_out",
        "dropped unsubscribed address": "opted_out",
        "dropped spam reporting address": "complaint",
        "spamreport": "complaint",
        "unsubscribe": "opted_out",
        "group_unsubscribe": "opted_out",
    }
    assert all(line.suppress_as is None for _, line in LINES if line.error_class is not ErrorClass.SUPPRESS)
    assert error_entry("1", ErrorClass.SUPPRESS).suppress_as is SuppressionReason.HARD_BOUNCE


def test_meanings_are_short_and_the_version_is_a_day_and_a_number():
    assert all((3 <= len(line.meaning) <= 80 and line.meaning[0].islower()) or line.meaning.startswith("SPF")
               for _, line in LINES)  # fmt: skip
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d\.\d+", table.version) for table in TABLES.values())
    assert TABLES["twilio"].meaning("21610") == CARRIERS.meaning_of("21610") != "" == TABLES["twilio"].meaning("1")


@pytest.mark.parametrize(
    "facts",
    [
        {"error_class": ErrorClass.RETRY_LATER, "suppress_as": SuppressionReason.OPTED_OUT},
        {"error_class": ErrorClass.IN_DOUBT, "throttles": True},
        {"error_class": ErrorClass.UNKNOWN, "credentials": True},
    ],
)
def test_facts_that_contradict_the_class_are_refused(facts):
    with pytest.raises(ValueError):
        error_entry("1", **facts)


def test_a_code_has_one_line():
    """Of two lines one would silently win."""
    with pytest.raises(ValueError, match="1 has two lines"):
        ErrorTable("2026-01-01.1", [error_entry("1", ErrorClass.SUPPRESS), error_entry("1", ErrorClass.UNKNOWN)])


def test_every_status_has_a_rank_and_what_came_of_it_is_one_or_the_other():
    assert set(STATUS_RANK) == set(ReceiptStatus) and not REACHED & NOT_REACHED
    open_ended = set(ReceiptStatus) - REACHED - NOT_REACHED
    assert open_ended == {ReceiptStatus.QUEUED, ReceiptStatus.SENT, ReceiptStatus.DEFERRED, ReceiptStatus.RINGING}
    # An asynchronous bounce comes after the delivery and is right; whoever opened it has it.
    assert STATUS_RANK[ReceiptStatus.OPENED] > STATUS_RANK[ReceiptStatus.BOUNCED] > STATUS_RANK[ReceiptStatus.DELIVERED]
