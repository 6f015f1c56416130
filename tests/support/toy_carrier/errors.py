"""The toy's error codes. Source: its stand-in, :mod:`tests.support.toy_carrier.stand_in`."""

from __future__ import annotations

from nightmail.carriers.error_tables import ErrorClass, ErrorScope, ErrorTable, SuppressionReason
from nightmail.carriers.error_tables import error_entry as line

ERRORS = ErrorTable(
    "2026-12-01.1",
    (
        line("bad_address", ErrorClass.PERMANENT_ADDRESS, "the address is not valid"),
        line("opted_out", ErrorClass.SUPPRESS, "the recipient opted out", suppress_as=SuppressionReason.OPTED_OUT),
        line("gone", ErrorClass.SUPPRESS, "the address does not exist any more"),
        line("no_sender", ErrorClass.STOP_AND_ALERT, "a message without a sender", scope=ErrorScope.SENDER),
        line("http 401", ErrorClass.STOP_AND_ALERT, "the key was refused", credentials=True),
        line("http 404", ErrorClass.STOP_AND_ALERT, "the address of the service does not exist"),
        line("http 429", ErrorClass.RETRY_LATER, "too many requests", throttles=True),
    ),
)
