"""One cleaning for all fields: equal things are equal, and signs that nobody sees cost nothing."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.organisation.feed_choices import ValueType
from nightmail.row_checks import PlaceholderRule
from nightmail.row_checks.cleaning import cleaned
from nightmail.row_checks.unseen_signs import SPACES, UNSEEN, exact, seen
from tests.row_checks.conftest import Prepare


def clean(*values: str | None, read: bool = False) -> list[str | None]:
    """A column of these values, clean, plain and by its distinct values."""
    plain = cleaned(pa.array(values, pa.string()), read=read).values.to_pylist()
    distinct = cleaned(pa.array(values, pa.string()).dictionary_encode(), read=read).values.to_pylist()
    assert plain == distinct
    return plain


@pytest.mark.parametrize(
    ("value", "read"),
    [
        # https://github.com/TwilioDevEd/message-segment-calculator/issues/66: each made one text message two
        ("Anna\u00a0Lee", "Anna Lee"),
        ("Anna\u200b Lee", "Anna Lee"),
        ("Jose\u0301 Lee", "José Lee"),
        ("\ufeffAnna Lee", "Anna Lee"),
        ("Anna\u00adLee", "AnnaLee"),
        ("Anna\u2009Lee", "Anna Lee"),
        ("Anna\u200dLee", "AnnaLee"),
        ("\u202aAnna Lee\u202c", "Anna Lee"),
        ("Anna\ufe0f Lee", "Anna Lee"),
        ("Anna\u2060Lee\u034f", "AnnaLee"),
        ("Anna\x07 Lee", "Anna Lee"),
        ("Anna\u2028Lee", "Anna Lee"),
        (" \u3000Anna\u200b ", "Anna"),
        ("\u200b", None),
        # Signs that a script or an emoji needs stay
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("שלום\u200f (2)", "שלום\u200f (2)"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("1\ufe0f\u20e3", "1\ufe0f\u20e3"),
        ("山田\u3000太郎", "山田\u3000太郎"),
        ("ก\u200bข", "ก\u200bข"),
        ("가\u1100", "가\u1100"),
        # The names of people and places
        ("'t Hart", "'t Hart"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("O’Neil", "O’Neil"),
        ("'90s", "'90s"),
        ('24"', '24"'),
        ('"Anna"', '"Anna"'),
        # A spreadsheet's sign for text in front of figures
        ("'00123", "00123"),
        ("'+49 151 2345", "+49 151 2345"),
        ("`4711", "4711"),
    ],
)
def test_what_people_read(value: str, read: str | None) -> None:
    """A placeholder's text keeps what is seen and what its script needs."""
    assert clean(value, read=True) == [read]


@pytest.mark.parametrize(
    ("value", "exactly"),
    [
        ("'anna@example.com", "anna@example.com"),  # https://github.com/DFE-Digital/register-trainee-teachers/pull/3229
        ("`cy@example.com", "cy@example.com"),
        ("‘bo@example.com", "bo@example.com"),
        ('"anna@example.com"', "anna@example.com"),
        ("'anna@example.com'", "anna@example.com"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("anna\u200b@example.com", "anna@example.com"),
        ("'00123", "00123"),
        ("C\u00ad1", "C1"),
        ("'C-1", "C-1"),
        ("Cafe\u0301", "Café"),
        ("“C1”", "C1"),
        ("''", None),
        ("'", "'"),
        ("A\u00a0B", "A B"),
        ("A\u3000B", "A B"),
        ("می\u200cخواهم", "میخواهم"),
    ],
)
def test_what_is_compared(value: str, exactly: str | None) -> None:
    """Addresses, keys, codes, dates and numbers have no such sign at all."""
    assert clean(value) == [exactly]


def test_most_values_are_left_alone() -> None:
    """A column that is clean is the same object: nothing is copied."""
    column = pa.array(["Anna", "Zoë", "山田", None, "o'neil", "Łódź", "مرحبا"])
    assert cleaned(column, read=True).values is column
    assert cleaned(column).values is column
    assert cleaned(column).changed is None
    sliced = pa.array(["x\u200b", "a", "b"]).slice(1)
    assert cleaned(sliced).values.to_pylist() == ["a", "b"]


@given(
    st.text(st.sampled_from("aé '`\"\u0301\u200b\u200d\u00a0\u3000ש👩‍❤\ufe0f1" + UNSEEN + SPACES), max_size=12),
    st.booleans(),
)
def test_cleaning_once_is_enough(text: str, read: bool) -> None:
    """What is clean stays as it is, and what is compared has none of these signs."""
    once = clean(text, read=read)
    assert clean(*once, read=read) == once
    assert unicodedata.is_normalized("NFC", once[0] or "")
    assert not set(exact(text)) & set(UNSEEN + SPACES)
    assert seen(seen(text)) == seen(text)


def test_equal_things_are_equal(prepare: Prepare) -> None:
    """Keys and addresses with debris are one contact's; the column says so once."""
    out = prepare(
        {
            "external_id": ["C1", "'C1", "C\u200b1", "\u00a0C1"],
            "email": ["anna@example.com", "'anna@example.com", "anna@example.com\u200b", "anna@example.com"],
            "name": ["José", "Jose\u0301", "José\u00ad", "José"],
        },
        channels=("email",),
    )
    assert out.lines() == [2]
    assert out.reasons() == {line: ["duplicate_row"] for line in (3, 4, 5)}
    said = {decision.column: decision.count for decision in out.summary.decisions}
    assert said == {"external_id": 3, "email": 2, "name": 2}
    assert {decision.reason for decision in out.summary.decisions} == {"decided_unseen_signs"}


def test_debris_around_an_email_address_is_said(prepare: Prepare) -> None:
    """Brackets, mailto:, an equals sign: the syntax allows some of it, and nobody is called so."""
    written = [
        "=dee@example.com",
        "<dee1@example.com>",
        "Dee Two <dee2@example.com>",
        "mailto:dee3@example.com",
        "dee4@example.com;",
        "(dee5@example.com)",
        "dee6@example.com",
    ]
    out = prepare({"email": written}, channels=("email",))
    assert out.of("email") == ["dee@example.com", *(f"dee{at}@example.com" for at in range(1, 7))]
    assert out.warned() == {line: ["email_debris_dropped"] for line in range(2, 8)}
    bad = prepare({"email": ["a@example.com, b@example.com", "<a@example", "a@b@example.com"]}, channels=("email",))
    assert bad.summary.by_reason == {"email_invalid": 3}


def test_typed_values_are_clean_before_they_are_read(prepare: Prepare) -> None:
    """Dates and amounts with such signs are dates and amounts."""
    out = prepare(
        {
            "external_id": ["C1"],
            "phone": ["'+44\u00a07400\u200b123410"],
            "country": ["\u200eGB"],
            "birth_date": ["'1990-01-02"],
            "due": ["2026-12-24\u200b"],
            "amount": ["'1\u202f200.50"],
        },
        placeholders=(
            PlaceholderRule(name="due", type=ValueType.DATE),
            PlaceholderRule(name="amount", type=ValueType.MONEY),
        ),
    )
    row = out.contacts.to_pylist()[0]
    assert (row["phone"], row["country"], str(row["birth_date"]), str(row["due"]), str(row["amount"])) == (
        "+447400123410",
        "GB",
        "1990-01-02",
        "2026-12-24",
        "1200.50",
    )
