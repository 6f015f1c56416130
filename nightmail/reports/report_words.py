"""What a report says of reasons: our own codes and carriers' ones, in words."""

from __future__ import annotations

from collections.abc import Callable

from nightmail.reasons import REASONS

MeaningOf = Callable[[str], str]
"""What a carrier's error code means, in a few words; empty for a code that no carrier's table has."""


def reason_in_words(reason: str, meaning_of: MeaningOf) -> str:
    """A reason in words: as the registry has it, or what a carrier's code means."""
    known = REASONS.get(reason)
    if known is not None and "{" not in (said := known.title or known.sentence):
        return said
    if means := meaning_of(reason):
        return f"{reason}: {means}"
    return reason.replace("_", " ")
