"""Two versions side by side: nothing is lost, nothing is invented, and every part is compared."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.templates import load_template
from nightmail.templates.comparisons import PieceKind, compare_templates, compare_texts

_TEXTS = st.text(alphabet="ab {}%.\n\u00e4", max_size=40)


@settings(max_examples=100, deadline=None)
@given(before=_TEXTS, after=_TEXTS)
def test_the_pieces_put_together_are_both_texts(before: str, after: str) -> None:
    pieces = compare_texts(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind is not PieceKind.ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.kind is not PieceKind.REMOVED) == after
    assert before != after or {piece.kind for piece in pieces} <= {PieceKind.SAME}


def test_long_texts_are_compared_by_lines() -> None:
    before = "".join(f"line {number} of many\n" for number in range(1_000))
    pieces = compare_texts(before, before.replace("line 500 of", "row 500 of"))
    changed = [piece.text for piece in pieces if piece.kind is not PieceKind.SAME]
    assert changed == ["line 500 of many\n", "row 500 of many\n"]


def test_parts_that_only_one_version_has_are_there() -> None:
    before = load_template("category: billing\nlanguages: {en: {sms: 'Pay {{ amount }} now', chat: 'Hi'}}")
    after = load_template(
        "category: billing\nlanguages: {en: {sms: 'Pay {{ sum }} now', email: {subject: S, text: T}}}"
    )
    parts = {part.key: part for part in compare_templates(before, after)}
    sms = parts["en", "sms", "text"]
    assert [(piece.kind, piece.text) for piece in sms.pieces if piece.kind is not PieceKind.SAME] == [
        (PieceKind.REMOVED, "{{ amount }}"),
        (PieceKind.ADDED, "{{ sum }}"),
    ]
    assert (parts["en", "email", "subject"].before, parts["en", "chat", "text"].after) == (None, None)
    assert not parts["", "", "category"].changed
    assert parts["", "", "placeholders"].changed
