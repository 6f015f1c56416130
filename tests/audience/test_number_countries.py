"""Countries of numbers agree with the library that is the authority on them."""

from __future__ import annotations

import random

import phonenumbers
import pyarrow as pa

from nightmail.row_checks.number_countries import countries_of_numbers


def _numbers() -> list[str]:
    dice = random.Random(20261123)
    found: list[str] = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in range(11):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is None:
                continue
            digits = str(example.national_number)
            for _ in range(6):
                keep = dice.randint(0, len(digits) - 1)
                mangled = digits[:keep] + "".join(dice.choice("0123456789") for _ in digits[keep:])
                number = phonenumbers.parse(f"+{example.country_code}{mangled}")
                if phonenumbers.is_valid_number(number):
                    found.append(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    for code in (800, 808, 870, 883, 979):
        example = phonenumbers.example_number_for_non_geo_entity(code)
        assert example is not None
        found.append(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
    return found


def test_countries_agree_with_the_library() -> None:
    """Every region and type of number, with shared calling codes told apart."""
    numbers = _numbers()
    assert len(numbers) > 3000
    found = countries_of_numbers(pa.array([None, *numbers])).to_pylist()
    expected = []
    for number in numbers:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
        expected.append(None if region == "001" else region)
    wrong = [(n, e, f) for n, e, f in zip(numbers, expected, found[1:], strict=True) if e != f]
    assert found[0] is None
    assert wrong == []
