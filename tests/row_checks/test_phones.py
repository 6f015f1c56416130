"""Phone numbers: equal to the library's verdicts, and what is said beyond them."""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from nightmail.row_checks.phone_readings import PhoneVerdict, read_phone, undo_spreadsheet_damage
from nightmail.row_checks.phone_types import PHONE_TYPES, PREMIUM_TYPES, SMS_TYPES
from nightmail.row_checks.phones import judge_phone, judge_phones, metadata_version
from nightmail.row_checks.written_digits import read_digits
from tests.support.phone_numbers import REGIONS, generate

_LIBRARY_TYPES = {
    phonenumbers.PhoneNumberType.MOBILE: "mobile",
    phonenumbers.PhoneNumberType.FIXED_LINE: "fixed",
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    phonenumbers.PhoneNumberType.PREMIUM_RATE: "premium",
    phonenumbers.PhoneNumberType.SHARED_COST: "shared_cost",
    phonenumbers.PhoneNumberType.TOLL_FREE: "toll_free",
    phonenumbers.PhoneNumberType.VOIP: "voip",
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER: "personal",
    phonenumbers.PhoneNumberType.PAGER: "pager",
    phonenumbers.PhoneNumberType.UAN: "uan",
    phonenumbers.PhoneNumberType.VOICEMAIL: "voicemail",
}


def judge(texts: list[str | None], countries: list[str | None]) -> list[PhoneVerdict]:
    """The verdicts of the column, row by row."""
    found = judge_phones(pa.array(texts, pa.string()), pa.array(countries, pa.string()))
    columns = (found.number, found.type, found.country, found.reason, found.warning)
    return [PhoneVerdict(*row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]


_NOT_CLEAR = {"phone_letters", "phone_ambiguous", "phone_damaged"}
"""Reasons of what the library reads in its own way: letters as digits, one of two readings, a spreadsheet's quantity."""


def is_clear(verdict: PhoneVerdict) -> bool:
    """Whether the library's verdict on the text as it stands is the right one."""
    return verdict.reason not in _NOT_CLEAR and verdict.warning != "phone_repaired"


def asked(text: str, country: str | None) -> tuple[str | None, str | None, str | None]:
    """What the library itself says: E.164, type and country, or nothing for an invalid number."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None, None, None
    if not phonenumbers.is_valid_number(number):
        return None, None, None
    region = phonenumbers.region_code_for_number(number)
    return (
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        _LIBRARY_TYPES[phonenumbers.number_type(number)],
        None if region == "001" else region,
    )


@pytest.mark.timeout(1200)
def test_agrees_with_the_library_on_100_000_numbers_of_all_regions() -> None:
    """Number, type and country are the library's for valid, invalid and mangled numbers of every region."""
    texts, countries = generate(100_000, seed=20261123)
    verdicts = judge(list(texts), countries)
    differing = [
        (text, country, verdict)
        for text, country, verdict in zip(texts, countries, verdicts, strict=True)
        if is_clear(verdict) and (verdict.number, verdict.type, verdict.country) != asked(text, country)
    ]
    assert differing == []
    assert sum(verdict.number is not None for verdict in verdicts) > 40_000
    assert sum(not is_clear(verdict) for verdict in verdicts) < 6_000
    assert sum(verdict.reason == "phone_invalid" for verdict in verdicts) > 20_000
    assert {country for country, verdict in zip(countries, verdicts, strict=True) if verdict.number} > set(
        REGIONS[:200]
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.sampled_from("+0014479 ()-./x#,;~AZé\u200b٣５\u00a0＋"), min_size=1, max_size=18)
            .map(str.strip)
            .filter(bool),
            st.sampled_from([None, "GB", "DE", "US", "IT", "BR", "AR", "AU", "JM", "XX"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_agrees_with_the_library_on_anything_like_a_number(rows: list[tuple[str, str | None]]) -> None:
    """Short strings of the characters that matter, also where a country's patterns are already read."""
    texts, countries = [text for text, _ in rows], [country for _, country in rows]
    for text, country, verdict in zip(texts, countries, judge(list(texts), countries), strict=True):
        if not is_clear(verdict):
            continue
        known = country if country in phonenumbers.SUPPORTED_REGIONS else None
        assert (verdict.number, verdict.type, verdict.country) == asked(text, known)


def test_most_numbers_are_decided_by_columns() -> None:
    """What is in ASCII digits and plain punctuation never reaches the library: that is where the speed comes from."""
    texts, _ = generate(5_000, seed=5)
    plain = [text for text in texts if set(text) <= set("+0123456789 ()-./") and len(text) > 3]
    written = read_digits(pa.array(plain))
    assert written.plain.mean() > 0.93


@pytest.mark.parametrize(
    ("text", "country", "number", "type_", "belongs_to"),
    [
        # Ofcom's numbering plan; 07400 is a mobile range, 020 is London
        ("07400 123456", "GB", "+447400123456", "mobile", "GB"),
        ("020 7946 0018", "GB", "+442079460018", "fixed", "GB"),
        ("+44 (0)20 7946 0018", None, "+442079460018", "fixed", "GB"),
        ("0044 20 7946 0018", "DE", "+442079460018", "fixed", "GB"),
        ("01534 456789", "JE", "+441534456789", "fixed", "JE"),
        # Bundesnetzagentur: 015 is mobile, 0900 premium, 0800 free
        ("0151-23456789", "DE", "+4915123456789", "mobile", "DE"),
        ("0900 1 234567", "DE", "+499001234567", "premium", "DE"),
        ("0800 1234567", "DE", "+498001234567", "toll_free", "DE"),
        ("447400123456", "GB", "+447400123456", "mobile", "GB"),
        # Italy keeps the zero of fixed lines
        ("06 4620 1234", "IT", "+390646201234", "fixed", "IT"),
        ("06 698 12345", "IT", "+390669812345", "fixed", "VA"),  # the Vatican has a part of Rome's numbers
        ("+39 312 345 6789", None, "+393123456789", "mobile", "IT"),
        # North America: one plan, many countries; 011 dials abroad
        ("(650) 253-0000", "US", "+16502530000", "fixed_or_mobile", "US"),
        ("1-800-FLOWERS", "US", "+18003569377", "toll_free", "US"),
        ("011 44 20 7946 0018", "US", "+442079460018", "fixed", "GB"),
        ("604 234 5678", "US", "+16042345678", "fixed_or_mobile", "CA"),
        ("876 523 0123", "JM", "+18765230123", "fixed_or_mobile", "JM"),
        # Brazil: a carrier's code after the zero
        ("0 15 11 96123 4567", "BR", "+5511961234567", "mobile", "BR"),
        # Argentina: 15 in national form is 9 in international form
        ("011 15 2345 6789", "AR", "+5491123456789", "mobile", "AR"),
        # Belongs to no country
        ("+800 1234 5678", None, "+80012345678", "toll_free", None),
        # As people type and paste them
        ("＋４９ １５１ ２３４５６７８９", None, "+4915123456789", "mobile", "DE"),
        ("٠١٥١٢٣٤٥٦٧٨٩", "DE", "+4915123456789", "mobile", "DE"),
        ("+49\u200b151\u200b23456789", None, "+4915123456789", "mobile", "DE"),
        ("\u202a+49 151 23456789\u202c", None, "+4915123456789", "mobile", "DE"),
        ("tel:+49-151-23456789", None, "+4915123456789", "mobile", "DE"),
        ("tel:0151-23456789;phone-context=+49", None, "+4915123456789", "mobile", "DE"),  # RFC 3966, 5.1.5
        # Labels in front
        ("Tel. 0151 23456789", "DE", "+4915123456789", "mobile", "DE"),
        ("Tel.-Nr.: 0664 1234567", "AT", "+436641234567", "mobile", "AT"),
        ("M +43 664 1234567", None, "+436641234567", "mobile", "AT"),
        ("(Handy) 0664 1234567", "AT", "+436641234567", "mobile", "AT"),
        ("TEL:03-1234-5678", "JP", "+81312345678", "fixed", "JP"),
        ("電話: 03-1234-5678", "JP", "+81312345678", "fixed", "JP"),
        ("κιν. 691 234 5678", "GR", "+306912345678", "mobile", "GR"),
        # Whole vanity numbers, in countries that have them: E.161's keypad
        ("1-800-GOT-JUNK", "US", "+18004685865", "toll_free", "US"),
        ("+1 (800) FLOWERS", None, "+18003569377", "toll_free", "US"),
        ("1800 FLOWER", "AU", "+611800356937", "toll_free", "AU"),
        ("0800 FLOWERS", "NZ", "+648003569377", "toll_free", "NZ"),
    ],
)
def test_cases(text: str, country: str | None, number: str, type_: str, belongs_to: str | None) -> None:
    """Numbers as people write them."""
    (verdict,) = judge([text], [country])
    assert (verdict.number, verdict.type, verdict.country, verdict.reason) == (number, type_, belongs_to, None)
    assert verdict.type in PHONE_TYPES


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("0151 23456789", None, "phone_country_needed"),
        ("0049 151 23456789", None, "phone_country_needed"),
        ("650 253 0000", None, "phone_country_needed"),
        ("0151 23456789", "AQ", "phone_country_needed"),  # a country without telephone numbers of its own
        ("+49 12", None, "phone_invalid"),
        ("+999 123 456 789", None, "phone_invalid"),
        ("none", "DE", "phone_invalid"),
        ("12", "DE", "phone_invalid"),
        ("07400 123456 / 07400 654321", "GB", "phone_invalid"),
        ("4.47723E+11", "GB", "phone_damaged"),
        ("4,47723E+11", None, "phone_damaged"),
        ("4.9E+11", "DE", "phone_damaged"),
        ("123.0", "DE", "phone_invalid"),
        ("99999999.0", "FR", "phone_damaged"),
        ("447400123456.0", None, "phone_country_needed"),  # Arizona and Germany share many such digits
        ("1" * 300, "DE", "phone_invalid"),
        # A note is no part of a number: https://github.com/google/libphonenumber/issues/1302 and /issues/1199
        ("0664 1234567 Eva", "AT", "phone_letters"),
        ("+43 664 1234567 NEU", "AT", "phone_letters"),
        ("0664 1234567 abends", "AT", "phone_letters"),
        ("0664 1234567 (Eva)", "AT", "phone_letters"),
        ("Eva 0664 1234567", "AT", "phone_letters"),
        ("0664 1234567 oder 0664 7654321", "AT", "phone_letters"),
        ("0721 12345 ab 9", "DE", "phone_letters"),
        ("0664 1234567 fax", "AT", "phone_letters"),  # a message to a fax reaches nobody
        # A letter in place of a digit
        ("0664 123456O", "AT", "phone_letters"),
        ("O664 1234567", "AT", "phone_letters"),
        ("0664 I234567", "AT", "phone_letters"),
        ("+43 (O)664 1234567", None, "phone_letters"),
        ("+49 l51 23456789", None, "phone_letters"),
        # Masked, numbered or annotated digits
        ("0664 12*4567", "AT", "phone_letters"),
        ("0664 1234xxx", "AT", "phone_letters"),
        ("0664 1234567²", "AT", "phone_letters"),
        ("0664 1234567 (2)", "AT", "phone_letters"),
        ("Handy 2 0664 1234567", "AT", "phone_letters"),
        # No vanity numbers: a country without them, an ordinary number, a note behind a service's number
        ("0800 FLOWERS", "AT", "phone_letters"),
        ("253 4567 EVA", "US", "phone_letters"),
        ("0800 123456 Eva", "NZ", "phone_letters"),
    ],
)
def test_refusals(text: str, country: str | None, reason: str) -> None:
    """Each number that cannot be used has the reason that says what to do about it."""
    (verdict,) = judge([text], [country])
    assert (verdict.number, verdict.reason) == (None, reason)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("493090182012.0", "DE", "+493090182012"),
        ("447400123456,0", "GB", "+447400123456"),
        ("15123456789.00", "DE", "+4915123456789"),
        ("447400123456.0", "FR", "+447400123456"),
        ("4.47400123456E+11", "GB", "+447400123456"),
        ("4,47400123456E+11", "GB", "+447400123456"),
    ],
)
def test_a_spreadsheets_damage_is_undone_where_no_digit_is_lost(text: str, country: str, number: str) -> None:
    """A number that a spreadsheet took for a quantity is repaired, and that is said."""
    (verdict,) = judge([text], [country])
    assert (verdict.number, verdict.warning) == (number, "phone_repaired")


def test_lost_digits_are_not_made_up() -> None:
    """A mantissa with fewer digits than its exponent, or with a zero that may stand for rounding, is not completed."""
    assert undo_spreadsheet_damage("4.4772345678E+11") == (None, True)
    assert undo_spreadsheet_damage("4.47723456780E+11") == (None, True)
    assert undo_spreadsheet_damage("+4915123456789") == ("+4915123456789", False)


@pytest.mark.parametrize(
    ("text", "country", "number", "warning"),
    [
        ("15123456789", "DE", "+4915123456789", "phone_prefix_restored"),  # 0151...
        ("7400123456", "GB", "+447400123456", "phone_prefix_restored"),
        ("447400123456", "GB", "+447400123456", "phone_prefix_restored"),  # +44...
        ("07400123456", "GB", "+447400123456", None),
        ("7400 123456", "GB", "+447400123456", None),  # a person wrote this
        ("6502530000", "US", "+16502530000", None),  # no zero there
        ("612345678", "ES", "+34612345678", None),
    ],
)
def test_a_lost_zero_or_plus_is_said(text: str, country: str, number: str, warning: str | None) -> None:
    """The library reads such a number; that it looks like a spreadsheet's is said, alone and in a column."""
    assert (judge_phone(text, country).number, judge_phone(text, country).warning) == (number, warning)
    many = judge([text] * 100, [country] * 100)
    assert {(verdict.number, verdict.warning) for verdict in many} == {(number, warning)}


def test_an_extension_is_left_out_and_said() -> None:
    """E.164 has no room for an extension."""
    (verdict,) = judge(["+49 30 901820 ext. 12"], [None])
    assert (verdict.number, verdict.warning) == ("+4930901820", "phone_extension_dropped")


@pytest.mark.parametrize(
    ("text", "number", "warning"),
    [
        ("01 5811414 DW 12", "+4315811414", "phone_extension_dropped"),
        ("01 5811414 Kl. 12", "+4315811414", "phone_extension_dropped"),
        ("01 5811414 ext 12", "+4315811414", "phone_extension_dropped"),
        ("0664 1234567 mobil", "+436641234567", "phone_words_dropped"),
        ("0664 1234567 (Handy)", "+436641234567", "phone_words_dropped"),
        ("0664 1234567 (m)", "+436641234567", "phone_words_dropped"),
    ],
)
def test_words_behind_a_number_are_left_out_and_said(text: str, number: str, warning: str) -> None:
    """Labels and extensions that people of the served countries write; any other word makes the number unreadable."""
    (verdict,) = judge([text], ["AT"])
    assert (verdict.number, verdict.warning) == (number, warning)


@pytest.mark.parametrize(
    ("text", "country", "national", "with_code"),
    [
        # Bundesnetzagentur: 04915 is an area code, 015 are mobile numbers; E.164: 49 is Germany's code
        ("4915123450101", "DE", "+494915123450101", "+4915123450101"),
        ("49 151 23450101", "DE", "+494915123450101", "+4915123450101"),
        ("4917012345678", "DE", "+494917012345678", "+4917012345678"),
        ("4915123456789.0", "DE", "+494915123456789", "+4915123456789"),
        # Another country's code, in a number that lacks the zero of a German one
        ("447400123456", "DE", "+49447400123456", "+447400123456"),
        ("436641234567", "DE", "+49436641234567", "+436641234567"),
        # Post- och telestyrelsen: Swedish fixed lines
        ("468123456", "SE", "+46468123456", "+468123456"),
    ],
)
def test_a_number_with_two_readings_is_ambiguous(text: str, country: str, national: str, with_code: str) -> None:
    """Digits without a plus sign that are valid with the country's own zero and with a country's code: alone, nothing decides."""
    reading = read_phone(text, country)
    assert reading.with_code is not None
    assert {reading.verdict.number, reading.with_code.number} == {national, with_code}
    (verdict,) = judge([text], [country])
    assert (verdict.number, verdict.reason) == (None, "phone_ambiguous")
    many = judge([text] * 100, [country] * 100)
    assert set(many) == {verdict}


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("06641234567", "AT", "+436641234567"),  # the zero in front is dialled at home only
        ("436641234567", "AT", "+436641234567"),  # too long for a national number
        ("493090182012", "DE", "+493090182012"),
        ("15123456789", "DE", "+4915123456789"),  # a mobile number's length and first digits leave no doubt
        ("6502530000", "US", "+16502530000"),  # as such numbers are written there
        ("5075551234", "US", "+15075551234"),
        ("912345678", "ES", "+34912345678"),
        ("21234567", "NO", "+4721234567"),
        ("390612345678", "IT", "+390612345678"),
        ("819012345678", "JP", "+819012345678"),
    ],
)
def test_a_number_with_one_reading_is_read(text: str, country: str, number: str) -> None:
    """What is valid in one way only, or written as numbers are in its country, is clear."""
    assert judge_phone(text, country).number == number


def test_nulls_stay_nulls_and_blocks_may_be_slices() -> None:
    """A column with gaps, cut out of a longer one, is judged like any other."""
    texts = pa.array(["x", None, "+4915123456789", None, "0151 23456789"])
    countries = pa.array(["DE", "DE", None, None, "DE"])
    found = judge_phones(texts.slice(1), countries.slice(1))
    assert found.number.to_pylist() == [None, "+4915123456789", None, "+4915123456789"]
    assert found.reason.to_pylist() == [None] * 4
    empty = judge_phones(pa.array([], pa.string()), pa.array([], pa.string()))
    assert len(empty.number) == 0
    nothing = judge_phones(pa.nulls(2, pa.string()), pa.nulls(2, pa.string()))
    assert nothing.reason.to_pylist() == [None, None]


def test_one_number_and_a_column_agree_on_repairs_too() -> None:
    """The column's verdict is the single number's, whatever path it took."""
    texts, countries = generate(3_000, seed=9)
    assert judge(list(texts), countries) == [
        judge_phone(text, country) for text, country in zip(texts, countries, strict=True)
    ]


def test_types_are_told_apart() -> None:
    """The sets of types that other stages rest on are types."""
    assert set(PHONE_TYPES) >= SMS_TYPES | PREMIUM_TYPES
    assert not SMS_TYPES & PREMIUM_TYPES
    assert set(_LIBRARY_TYPES.values()) == set(PHONE_TYPES)
    assert metadata_version() == phonenumbers.__version__
