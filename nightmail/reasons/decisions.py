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
)
