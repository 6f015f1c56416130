"""What is shown without the right to see personal data gives nobody away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightmail.privacy import masking

_NUMBERS = st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True)
_EMAILS = st.from_regex(r"[a-z]{2,12}@example\.com", fullmatch=True)
_TEXTS = st.text(min_size=6, max_size=40)


@given(st.one_of(_NUMBERS, _EMAILS))
def test_an_address_is_not_in_what_is_shown_of_it(address: str) -> None:
    shown = masking.shown_address(address, personal=False)
    assert address not in shown
    # What stands before the sign, alone: a short one may be a part of "example".
    assert shown.partition("@")[0].rstrip("•") == address[:1] or "@" not in address
    assert masking.shown_address(address, personal=True) == address


@given(_TEXTS)
def test_names_ids_and_values_keep_a_trace_at_most(text: str) -> None:
    assert masking.shown_name(text, personal=False).rstrip("•") == text[:1].rstrip("•")
    assert len(masking.shown_identifier(text, personal=False)) == 5
    assert masking.shown_values({"amount": text}, personal=False) == {"amount": masking.HIDDEN}
    assert masking.shown_body(text, personal=False) is None
    assert masking.shown_list([text], personal=False) == []
    assert masking.shown_birth_date(text, personal=False) is None


@given(_TEXTS)
def test_with_the_permission_all_is_shown_as_it_is(text: str) -> None:
    for show in (
        masking.shown_name,
        masking.shown_identifier,
        masking.shown_body,
        masking.shown_birth_date,
        masking.shown_address,
    ):
        assert show(text, personal=True) == text
    assert masking.shown_values({"a": text}, personal=True) == {"a": text}
    assert masking.shown_list([text], personal=True) == [text]


def test_what_is_not_there_is_shown_as_nothing() -> None:
    assert [masking.shown_name(None, personal=False), masking.shown_address("", personal=False)] == ["", ""]
    assert masking.shown_identifier("", personal=False) == ""
    assert masking.shown_identifier("1234", personal=False) == masking.HIDDEN
