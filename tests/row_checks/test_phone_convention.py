"""Numbers without a plus sign: the column decides what two readings leave open, or nothing is sent."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nightmail.row_checks.phone_readings import NumberForm
from nightmail.row_checks.phones import number_forms
from tests.row_checks.conftest import Outcome, Prepare

MOBILE = "4915123450101"
"""A German mobile number with its country's code, and as valid a fixed line of the area 04915."""
WITH_CODE = ["493090182012", "498912345678"]
"""Fixed lines with the country's code, which are too long to be anything else."""
LOST_ZERO = ["3090182012", "1701234567"]
WITH_ZERO = ["030 90182012", "0170 1234567"]


def phones(prepare: Prepare, *numbers: str, country: str = "DE") -> Outcome:
    """A file of these numbers."""
    ids = [f"C{at}" for at in range(len(numbers))]
    return prepare({"external_id": ids, "phone": list(numbers)}, default_country=country)


def test_a_clear_column_decides_and_it_is_said(prepare: Prepare) -> None:
    """Numbers that can be read with the country's code only vote; the sentence has the counts."""
    out = phones(prepare, MOBILE, *WITH_CODE, "4917012345678")
    assert out.of("phone") == ["+4915123450101", "+493090182012", "+498912345678", "+4917012345678"]
    assert out.of("phone_type") == ["mobile", "fixed", "fixed", "mobile"]
    (decision,) = out.summary.decisions
    assert (decision.reason, decision.column, decision.count) == ("decided_phone_with_code", "phone", 4)
    assert decision.message == (
        "phone: 4 numbers without + read as numbers of Germany with its code: 2 have no other reading, none contradicts."
    )
    assert set(out.warned()) == {2, 3, 4, 5}
    assert {code for codes in out.warned().values() for code in codes} == {"phone_prefix_restored"}


@pytest.mark.parametrize(
    "others",
    [
        [],
        ["4917012345678"],
        [*WITH_CODE, *LOST_ZERO],  # they contradict each other
        LOST_ZERO,  # a number that lost its zero tells nothing of one that may have lost a plus
        WITH_ZERO,
        ["+493090182012", "0049 30 90182012"],  # written in full: they do not vote
    ],
)
def test_an_unclear_column_decides_nothing(prepare: Prepare, others: list[str]) -> None:
    """Then the number is rejected, and both readings are shown."""
    out = phones(prepare, MOBILE, *others)
    assert out.reasons()[2] == ["phone_ambiguous"]
    assert out.summary.decisions == ()
    message = out.rejects.column("message")[0].as_py()
    assert "+494915123450101 or +4915123450101" in message
    assert 2 not in out.lines()


def test_numbers_with_a_zero_in_front_do_not_contradict(prepare: Prepare) -> None:
    """They show that zeros were not lost: what lacks one is no national number."""
    out = phones(prepare, MOBILE, *WITH_CODE, *WITH_ZERO)
    assert out.of("phone")[0] == "+4915123450101"
    assert out.summary.decisions[0].count == 3


def test_other_countries_codes_are_read_in_a_clear_column(prepare: Prepare) -> None:
    """Austrian and British mobile numbers in a German file are as valid German fixed lines."""
    out = phones(prepare, "436641234567", "447400123456", *WITH_CODE)
    assert out.of("phone")[:2] == ["+436641234567", "+447400123456"]
    alone = phones(prepare, "436641234567", "447400123456")
    assert alone.summary.by_reason == {"phone_ambiguous": 2}


def test_each_country_decides_for_itself_first(prepare: Prepare) -> None:
    """American numbers are written without their code; that tells nothing of German ones."""
    out = prepare(
        {
            "external_id": list("abcd"),
            "phone": ["6502530000", "6502530001", MOBILE, WITH_CODE[0]],
            "country": ["US", "US", "DE", "DE"],
        }
    )
    assert out.of("phone") == ["+16502530000", "+16502530001", "+4915123450101", "+493090182012"]


def test_a_country_without_clear_numbers_follows_the_others(prepare: Prepare) -> None:
    """British numbers with their code are clear, and no number of the column contradicts."""
    countries: list[str | None] = ["GB", "GB", "DE"]
    out = prepare({"external_id": list("abc"), "phone": ["447400123456", "447400123457", MOBILE], "country": countries})
    assert out.of("phone")[2] == "+4915123450101"
    mixed = prepare(
        {
            "external_id": list("abcd"),
            "phone": ["447400123456", "6502530000", MOBILE, "447400123457"],
            "country": ["GB", "US", "DE", "GB"],
        }
    )
    assert mixed.reasons() == {4: ["phone_ambiguous"]}


def test_italian_numbers_vote_for_the_national_form(prepare: Prepare) -> None:
    """No zero is dialled in front of Italian mobile numbers: 3906123456 is one, and Rome's 06 123456 with Italy's code."""
    alone = phones(prepare, "3906123456", country="IT")
    assert alone.reasons() == {2: ["phone_ambiguous"]}
    out = phones(prepare, "3906123456", "3331234567", "3471234567", country="IT")
    assert out.of("phone")[0] == "+393906123456"
    assert [decision.reason for decision in out.summary.decisions] == ["decided_phone_national"]


def test_a_column_has_its_name_in_the_file_and_each_column_decides_for_itself(prepare: Prepare) -> None:
    """The second column of numbers is written in another way."""
    out = prepare(
        {
            "external_id": list("abc"),
            "phone": [MOBILE, *WITH_CODE],
            "phone_2": [MOBILE, *LOST_ZERO],
        },
        default_country="DE",
    )
    assert out.of("phone")[0] == "+4915123450101"
    assert out.of("phone_2")[0] is None
    assert out.warned()[2] == ["phone_prefix_restored", "phone_ambiguous"]


def test_forms_of_few_numbers_are_those_of_many() -> None:
    """A country's patterns are read for many numbers, and the library is asked about a few: both tell the same forms."""
    texts = [MOBILE, *WITH_CODE, *LOST_ZERO, *WITH_ZERO, "+493090182012", "0043 664 1234567", "12", "x", "436641234567"]
    few = number_forms(pa.array(texts), pa.array(["DE"] * len(texts)))
    many = number_forms(pa.array(texts * 60), pa.array(["DE"] * len(texts) * 60))
    assert many.tolist() == few.tolist() * 60
    assert few.tolist() == [
        NumberForm.EITHER,
        *[NumberForm.WITH_CODE] * 2,
        *[NumberForm.NATIONAL] * 2,
        *[NumberForm.WITH_PREFIX] * 2,
        *[NumberForm.OTHER] * 4,
        NumberForm.EITHER,
    ]
