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
        "decided_bytes",
        Kind.DECISION,
        "The column {value} holds bytes: those that are UTF-8 text were read as text, others as hexadecimal digits.",
        "Write the column as text.",
    ),
)
