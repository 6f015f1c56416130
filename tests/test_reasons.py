"""Every reason can be shown to a person, on every surface, and errors are raised by it and by nothing else."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from nightmail.reasons import REASONS, Reason, Surface, explain

CHECKOUT = Path(__file__).resolve().parent.parent
PRODUCT = ("nightmail", "resources", "assets", "sensors", "pipelines", "portal", "commands")
NOT_FIELDS = {"facts", "status", "headers", "errors"}
"""What an error takes beside the fields of its sentence."""
PARSERS = {"TemplateError"}
"""Errors of parsers that find many different faults: they take the fault and the advice, which are fields of one reason."""
SHELL_ONLY = re.compile(r"`nightmail |`make |(?<![\w-])--[a-z]")
"""A command or an option of the command line."""


@lru_cache(maxsize=1)
def _trees() -> dict[str, ast.Module]:
    """Every file of the product, by its path."""
    return {
        str(path.relative_to(CHECKOUT)): ast.parse(path.read_text(encoding="utf-8"))
        for room in PRODUCT
        for path in sorted((CHECKOUT / room).rglob("*.py"))
    }


@lru_cache(maxsize=1)
def _error_classes() -> frozenset[str]:
    """The names of ``NightmailError`` and of all classes below it, but for those of parsers."""
    classes = {
        node.name: {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
        for tree in _trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"NightmailError"}
    while more := {name for name, bases in classes.items() if bases & found} - found:
        found |= more
    return frozenset(found - PARSERS)


def _raised() -> Iterator[tuple[str, ast.Call]]:
    """The calls that make errors for a user, or state a problem of a campaign or file, each with its place."""
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and node.args and (name in _error_classes() or name == "stated_problem"):
                yield f"{path}:{node.lineno}", node


def _code(call: ast.Call) -> str | None:
    """The reason's code that an error is raised by, where it is written out."""
    first = call.args[0]
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", first.value) else None
    return None


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)
def test_a_reason_has_a_sentence_a_remedy_and_fillable_fields(reason: Reason) -> None:
    """Sentences end like sentences, and no field is left unfilled when its value is given."""
    assert reason.sentence.endswith((".", "}"))
    assert reason.code == reason.code.lower()
    for surface in (None, *Surface):
        assert reason.remedy_on(surface).endswith((".", "}"))
        assert "{" not in explain(reason.code, surface, **dict.fromkeys(reason.fields, "X"))


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.code)
def test_a_remedy_names_shell_commands_in_the_shell_alone(reason: Reason) -> None:
    """A program, a page and a file beside the upload are not told to type a command."""
    for surface in (None, *Surface):
        if surface is not Surface.SHELL:
            assert not SHELL_ONLY.search(reason.remedy_on(surface))


def test_every_reason_that_is_raised_is_in_the_registry() -> None:
    """`nightmail explain` knows every code that an error can carry."""
    codes = [(place, _code(call)) for place, call in _raised()]
    assert not [(place, code) for place, code in codes if code is not None and code not in REASONS]


def test_an_error_is_raised_with_exactly_the_fields_of_its_reason() -> None:
    """A field that is missing would fail only when the error is raised; one too many is read by nobody."""
    wrong = []
    for place, call in _raised():
        code = _code(call)
        if code not in REASONS or len(call.args) > 1 or any(keyword.arg is None for keyword in call.keywords):
            continue
        given = {keyword.arg for keyword in call.keywords} - NOT_FIELDS
        if given != REASONS[code].fields:
            wrong.append(f"{place} {code} {sorted(given ^ REASONS[code].fields)}")
    assert not wrong


def test_no_error_has_a_sentence_of_its_own() -> None:
    """Sentences stand in the registry, where they are read, translated and bettered together."""
    assert not [place for place, call in _raised() if len(call.args) > 1]


def test_a_title_names_no_field() -> None:
    """A problem document's title is the same for every occurrence of a reason."""
    for reason in REASONS.values():
        assert not [name for _, name, _, _ in string.Formatter().parse(reason.title) if name]
