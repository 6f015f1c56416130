"""What was decided for a whole file, and by what: the remedy says how to state it instead."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

DECISIONS = (
    Reason(
        "decided_encoding",
        Kind.DECISION,
        "The text was read as {encoding}, which is {certainty}: {evidence}.",
        "To fix it, state the encoding in the feed.",
    ),
    Reason(
        "decided_delimiter",
        Kind.DECISION,
        "The fields are separated by {delimiter}: {evidence}.",
        "To fix it, state the delimiter in the feed.",
    ),
    Reason(
        "decided_quote",
        Kind.DECISION,
        "The quote sign is the apostrophe: {count} fields of the first lines begin and end with it, {columns} columns are "
        "filled with such fields alone, and no field begins with a quotation mark.",
        "If the apostrophes belong to the values, put the fields into quotation marks.",
    ),
    Reason(
        "decided_line_ends",
        Kind.DECISION,
        "An empty field more at the end of a row is none: {count} of the first {rows} rows have {more} more than the header.",
        "Export the file without delimiters at the end of the lines.",
    ),
    Reason(
        "decided_line_tails",
        Kind.DECISION,
        "At the end of the lines stand {delimiter} that belong to no field, as nearly all of the first {rows} lines have them: "
        "a second program saved the file.",
        "Export the file from the first program.",
    ),
    Reason(
        "decided_column",
        Kind.DECISION,
        "The column {value} was read as {column}: {evidence}.",
        "To fix it, map the column in the feed.",
    ),
    Reason(
        "decided_address_order",
        Kind.DECISION,
        "Of several values in a row, the first in this order became {slots}: {order}.",
        "To fix it, map one column in the feed.",
    ),
    Reason(
        "decided_bytes",
        Kind.DECISION,
        "The column {value} holds bytes: those that are UTF-8 text were read as text, others as hexadecimal digits.",
        "Write the column as text.",
    ),
)
