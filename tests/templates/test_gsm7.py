"""Characters that cost: what is listed, what they add, and what `prefer: gsm7` replaces.

The alphabet: 3GPP TS 23.038, 6.2.1 (https://www.3gpp.org/dynareport/23038.htm). What carriers replace for the same reason:
https://www.twilio.com/docs/messaging/services/smart-encoding-char-list.
"""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.templates import MessagesSummary, TemplateError, load_template
from nightmail.templates.gsm7 import REPLACEMENTS, CharacterCosts, costly_characters, in_gsm7
from nightmail.templates.segments import GSM_BASIC, GSM_EXTENSION, is_gsm, measure, segments
from tests.templates.test_rendering import MOBILE, PRICES, Tables


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("don’t", "don't"),
        ("“Hello” – he said…", '"Hello" - he said...'),
        ("«Bonjour» ‹x›", "\"Bonjour\" 'x'"),
        ("a\xa0b\u202fc\u2009d\u3000e\tf", "a b c d e f"),
        ("so\xadft ze\u200bro\ufeff", "soft zero"),
        ("5 − 3 — 2", "5 - 3 - 2"),
        ("• one", "- one"),
        ("o\u0301e\u0301", "óé"),
        ("Jose\u0301", "José"),
        ("ﬁne ﬂight", "fine flight"),
        ("`quoted´", "'quoted'"),
        ("one\u2028two", "one\ntwo"),
    ],
)
def test_typographic_characters_have_an_equivalent(text: str, replaced: str) -> None:
    """Read aloud, both are the same. ``ó`` alone is in no table: then nothing is replaced."""
    assert in_gsm7(text) == (replaced if is_gsm(replaced) else text)


@pytest.mark.parametrize(
    "text", ["Zoë’s", "Привет…", "naïve – ê", "10 × 10…", "½ cup…", "™…", "😀 don’t", "l·l…", "çà…", "№ 5…"]
)
def test_nothing_is_replaced_where_it_would_not_help_or_change_the_meaning(text: str) -> None:
    """Letters are letters, and signs with a meaning keep it; the message needs UCS-2 all the same."""
    assert in_gsm7(text) == text


def test_every_equivalent_is_in_the_alphabet_and_no_letter_is_replaced() -> None:
    for sign, plain in REPLACEMENTS.items():
        assert not is_gsm(sign)
        assert is_gsm(plain)
        assert unicodedata.category(sign)[0] in "PSZC" or sign in "ʼʹﬀﬁﬂﬃﬄﬅﬆ\u180e\ufe0e\ufe0f", sign


@given(st.text(st.sampled_from(GSM_BASIC + GSM_EXTENSION + "’“”–…\xa0\u200bë€😀я"), max_size=200))
def test_replacing_never_costs_more(text: str) -> None:
    """A text in the alphabet stays as it is; one that comes into it takes no more segments."""
    replaced = in_gsm7(text)
    assert segments(replaced) <= segments(text)
    if is_gsm(text):
        assert replaced == text


@given(st.lists(st.text(st.sampled_from("abc ’…ë\xa0😀я{"), max_size=180), max_size=6))
def test_a_column_is_replaced_as_its_texts_are(texts: list[str]) -> None:
    costs = CharacterCosts()
    found = costs.prefer_gsm7(pa.array([*texts, None], pa.string()))
    assert found.to_pylist() == [*(in_gsm7(text) for text in texts), None]
    assert sum(costs.replaced.values()) >= sum(in_gsm7(text) != text for text in texts)


@given(st.lists(st.text(st.sampled_from("abcdefgh ’…ë\xa0😀я{"), max_size=180), max_size=6))
def test_what_is_added_is_what_would_be_saved(texts: list[str]) -> None:
    """Where all can be replaced, the segments counted as added are those that replacing saves, but for a cut pair."""
    costs = CharacterCosts()
    costs.add(measure(pa.array(texts, pa.string())), np.zeros(len(texts), np.int64), pa.nulls(len(texts), pa.string()))
    listed = [text for text in texts if costly_characters(text)]
    assert costs.total.messages == len(listed)
    replaceable = [text for text in listed if is_gsm(in_gsm7(text))]
    if len(replaceable) == len(listed):
        saved = sum(segments(text) - segments(in_gsm7(text)) for text in replaceable)
        assert 0 <= costs.total.segments - saved <= len(listed)


def _render(folder: Path, body: str, values: list[str], **root: Any) -> tuple[MessagesSummary, list[str], list[int]]:
    tables = Tables(folder)
    template = load_template({"languages": {"en": {"sms": body}}, **root})
    rows = [{**MOBILE, "x": value} for value in values]
    summary = tables.render(template, rows, prices=PRICES, price_date=date(2026, 6, 1))
    return summary, [row["body"] for row in tables.read()], [row["segments"] for row in tables.read()]


BODY = "Dear {{ x }}, your appointment is on Monday at ten. Please don’t forget to bring your card with you."


def test_a_campaign_lists_what_costs(tmp_path: Path) -> None:
    """By character: messages, segments and money that it adds, and what to write; a message in another script is none."""
    summary, _, taken = _render(tmp_path, BODY, ["Ada", "Bob", "Zoë", "Пётр Ильич Чайковский из города Воткинска"])
    assert taken == [2, 2, 2, 2]
    found = summary.as_dict()["characters"]
    assert (found["messages"], found["segments_added"], found["other_scripts"]) == (3, 3, 1)
    assert found["costs_added"] == {"USD": "0.285"}
    assert found["replaced"] == {}
    assert [(c["character"], c["messages"], c["segments_added"], c["replacement"]) for c in found["characters"]] == [
        ("’", 3, 3, "'"),
        ("ë", 1, 1, None),
    ]
    assert found["characters"][0]["name"] == "right single quotation mark"
    assert found["characters"][0]["costs_added"] == {"USD": "0.285"}


def test_prefer_gsm7_replaces_and_says_so(tmp_path: Path) -> None:
    """In the template's text and in values, only where the message comes into the alphabet by it."""
    summary, bodies, taken = _render(tmp_path, BODY, ["Ada", "O’Neil\xa0Jr", "Zoë"], prefer="gsm7")
    assert taken == [1, 1, 2]
    assert bodies[0] == BODY.replace("{{ x }}", "Ada").replace("’", "'")
    assert bodies[1].startswith("Dear O'Neil Jr, ")
    assert bodies[2].startswith("Dear Zoë, ") and "don’t" in bodies[2]
    found = summary.as_dict()["characters"]
    assert found["replaced"] == {"’": 2, "\xa0": 1}
    assert summary.costs == {"USD": Decimal("0.38")}


def test_only_text_messages_are_rewritten(tmp_path: Path) -> None:
    """An email costs the same with any character."""
    tables = Tables(tmp_path)
    template = load_template({"prefer": "gsm7", "languages": {"en": {"email": {"subject": "Don’t", "text": "Don’t"}}}})
    tables.render(template, [{"email": "ada@example.com"}])
    assert tables.read()[0]["body"] == "Don’t"


def test_the_template_lists_its_own_characters(tmp_path: Path) -> None:
    """With the line and what to write; with `prefer: gsm7` only what stays."""
    path = tmp_path / "t.yaml"
    text = "languages:\n  en:\n    sms: |\n      Hello\n      don’t say ê {{ x }}\n    chat: don’t\n"
    path.write_text(text)
    found = [(entry.line, entry.fields["character"], entry.reason) for entry in load_template(path).warnings()]
    assert found == [(5, "’", "template_costly_character"), (5, "ê", "template_costly_character")]
    finding = load_template(path).warnings()[0]
    assert finding.message.startswith(
        "en/sms (line 5): ’ (right single quotation mark) is not in the GSM 7-bit alphabet"
    )
    assert finding.remedy == "Write ' instead, or state prefer: gsm7 in the template."
    path.write_text(f"prefer: gsm7\n{text}")
    assert [entry.fields["character"] for entry in load_template(path).warnings()] == ["ê"]
    assert load_template({"languages": {"ru": {"sms": "Привет, как дела?"}}}).warnings() == ()
    path.write_text(f"prefer: ascii\n{text}")
    with pytest.raises(TemplateError, match=r"line 1.*ascii cannot be preferred"):
        load_template(path)
