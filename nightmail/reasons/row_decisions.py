"""What was decided for whole columns of a file, and by what: the remedy says how to state it instead."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

ROW_DECISIONS = (
    Reason(
        "decided_unseen_signs",
        Kind.DECISION,
        "{header}: {rows} values were read without signs that nobody sees, such as zero-width spaces, or a spreadsheet's sign for text.",
        "Nothing to do, or clean the values where they come from.",
    ),
    Reason(
        "decided_key_by_address",
        Kind.DECISION,
        "{header}: {rows} values such as {example} are damaged or stand for nothing, and identify nobody: the address took their place.",
        "Format the column as text before a spreadsheet opens it, and leave the key empty where there is none.",
    ),
    Reason(
        "decided_date_order",
        Kind.DECISION,
        "{header}: {rows} dates that can be read in two ways were read with the {order} first: {evidence}.",
        "To have it otherwise, state date_order in the feed, or write dates as 2001-12-31.",
    ),
    Reason(
        "decided_decimal_mark",
        Kind.DECISION,
        "{header}: {rows} numbers that can be read in two ways were read with {mark}: {evidence}.",
        "To have it otherwise, state decimal_mark in the feed, or write numbers as 1234.50.",
    ),
    Reason(
        "decided_phone_with_code",
        Kind.DECISION,
        "{header}: {numbers} numbers without + read as numbers of {country} with its code: {votes} have no other reading, none contradicts.",
        "To have it otherwise, write the numbers with + and the country code.",
    ),
    Reason(
        "decided_phone_national",
        Kind.DECISION,
        "{header}: {numbers} numbers without + read as national numbers of {country}: {votes} have no other reading, none contradicts.",
        "To have it otherwise, write the numbers with + and the country code.",
    ),
)
