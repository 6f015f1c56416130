"""Reasons by their codes, for lists that name a reason without the values of one occurrence."""

from __future__ import annotations

from dataclasses import dataclass

from nightmail.reasons import REASONS, Surface


@dataclass(frozen=True)
class ReasonWords:
    """A reason's code, what it means and what to do next; both may be empty for a code of an earlier version."""

    code: str
    means: str
    remedy: str


def reason_words(code: str) -> ReasonWords:
    """What a code means. Sentences with values of an occurrence are named by their title, or by the code in words."""
    known = REASONS.get(code)
    if known is None:
        return ReasonWords(code, _in_words(code), "")
    advice = known.remedy_on(Surface.PAGE)
    means = known.title or (_in_words(code) if "{" in known.sentence else known.sentence)
    return ReasonWords(code, means, "" if "{" in advice else advice)


def reasons_counted(counts: dict[str, int] | None) -> list[tuple[ReasonWords, int]]:
    """Reasons with how many rows have each, the most frequent first."""
    return [
        (reason_words(code), count)
        for code, count in sorted((counts or {}).items(), key=lambda each: (-each[1], each[0]))
    ]


def _in_words(code: str) -> str:
    return code.replace("_", " ").capitalize()
