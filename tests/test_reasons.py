"""Every reason can be shown to a person."""

from __future__ import annotations

import string

import pytest

from nightmail.reasons import REASONS, Reason, explain


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)
def test_a_reason_has_a_sentence_a_remedy_and_fillable_fields(reason: Reason) -> None:
    """Sentences end like sentences, and no field is left unfilled when its value is given."""
    fields = {
        name for text in (reason.sentence, reason.remedy) for _, name, _, _ in string.Formatter().parse(text) if name
    }
    shown = explain(reason.code, **dict.fromkeys(fields, "X"))
    assert reason.sentence.endswith(".")
    assert reason.remedy.endswith(".") or "{" in reason.remedy
    assert "{" not in shown
    assert reason.code == reason.code.lower()
