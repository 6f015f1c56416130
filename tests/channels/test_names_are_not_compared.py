"""What differs between channels is asked of the channel: no other room compares channels' names, or lists them.

Held by reading the source, so that a fifth channel is never forgotten in a list somewhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightmail.channels import CHANNELS, EMAIL_FIELD

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("nightmail", "resources", "assets", "sensors", "pipelines", "portal", "commands")
DESCRIPTIONS = {"examples", "json_schema_extra", "openapi_examples"}
"""Keywords whose values describe the API to people."""
ALLOWED = {
    ("nightmail/privacy/signed_links.py", "chat"): "the purpose of a link: it opens the page of a conversation",
    ("nightmail/row_checks/phone_words.py", "sms"): "a word that people write beside a number",
    ("nightmail/templates/comparisons.py", "voice"): "the same key, where versions are compared",
    ("portal/web/message_templates/part_words.py", "voice"): "the same key, said to people",
    ("nightmail/templates/voice_reading.py", "voice"): "a key of a speech body: the carrier's name of a voice",
}

_ALSO_A_FIELD = {EMAIL_FIELD}
"""Names that stand for a column of contacts as well, and may be written down, but not compared."""
_IN_SQL = re.compile("'({})'".format("|".join(sorted(set(CHANNELS) - _ALSO_A_FIELD))))
_CHANNEL_COMPARED_IN_SQL = re.compile(r"channel\s*(=|<>|in|is (not )?distinct from)\s*\(?\s*'")


def _sources() -> list[Path]:
    found = [path for room in ROOMS for path in sorted((CHECKOUT / room).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts and path.parent.name != "channels"]


def _strings(node: ast.AST) -> Iterator[tuple[ast.Constant, bool]]:
    """Every string that is neither a docstring nor part of a description, and whether it is compared."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword) and child.arg in DESCRIPTIONS:
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child, isinstance(node, ast.Compare | ast.MatchValue)
        elif isinstance(node, ast.Compare) and isinstance(child, ast.Tuple | ast.List | ast.Set):
            yield from ((each, True) for each, _ in _strings(child))
        else:
            yield from _strings(child)


def _wrong(source: str) -> list[tuple[int, str]]:
    found = []
    for node, compared in _strings(ast.parse(source)):
        text = node.value
        assert isinstance(text, str)
        named = text in CHANNELS and (compared or text not in _ALSO_A_FIELD)
        if named or _IN_SQL.search(text) or _CHANNEL_COMPARED_IN_SQL.search(text):
            found.append((node.lineno, text))
    return found


def test_no_other_room_names_a_channel() -> None:
    wrong = [
        f"{path.relative_to(CHECKOUT)}:{line} {text[:80]!r}"
        for path in _sources()
        for line, text in _wrong(path.read_text(encoding="utf-8"))
        if (str(path.relative_to(CHECKOUT)), text) not in ALLOWED
    ]
    assert not wrong


def test_every_exception_is_still_one() -> None:
    for file, text in ALLOWED:
        assert text in {found for _, found in _wrong((CHECKOUT / file).read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    "source",
    [
        'channel == "sms"',
        'channel in ("email", "other")',
        'channel not in {"email"}',
        'RATES = {"sms": 1.0}',
        'CHANNELS = ["email", "voice"]',
        "match channel:\n    case 'email':\n        pass",
        "run(\"select 1 from message where channel = 'email'\")",
        "run(\"select * from (values ('sms'), ('other')) as ch(channel)\")",
    ],
)
def test_the_check_finds_names(source: str) -> None:
    assert _wrong(source)


@pytest.mark.parametrize("source", ['"""channel == "sms"."""', 'row["email"]', 'Field(examples=["sms"])'])
def test_the_check_lets_fields_and_descriptions_pass(source: str) -> None:
    assert not _wrong(source)
