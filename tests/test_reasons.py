"""Every reason can be shown to a person."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from nightmail.reasons import REASONS, Reason, explain

CHECKOUT = Path(__file__).resolve().parent.parent


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


def test_every_reason_that_is_raised_is_in_the_registry() -> None:
    """`nightmail explain` knows every code that an error can carry."""
    unknown = []
    for room in ("nightmail", "resources", "assets", "sensors", "pipelines", "portal", "commands"):
        for path in sorted((CHECKOUT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                first = node.args[0]
                if (
                    not name.endswith("Error")
                    or not isinstance(first, ast.Constant)
                    or not isinstance(first.value, str)
                ):
                    continue
                if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", first.value) and first.value not in REASONS:
                    unknown.append(f"{path.relative_to(CHECKOUT)}:{node.lineno} {first.value}")
    assert not unknown


def test_every_reason_that_is_raised_by_its_code_is_given_its_fields() -> None:
    """A missing field would be a ``KeyError`` where a person should read a sentence, on a path that is seldom walked."""
    missing = []
    for room in ("nightmail", "resources", "assets", "sensors", "pipelines", "portal", "commands"):
        for path in sorted((CHECKOUT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or len(node.args) != 1:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                code = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                given = {keyword.arg for keyword in node.keywords}
                if name.endswith("Error") and code in REASONS and None not in given:
                    lacking = _fields(REASONS[code]) - given
                    missing += [f"{path.relative_to(CHECKOUT)}:{node.lineno} {code}: {field}" for field in lacking]
    assert not missing


def _fields(reason: Reason) -> set[str]:
    texts = (reason.sentence, reason.remedy, *reason.on.values())
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}
