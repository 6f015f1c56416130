"""Phone numbers of all regions: valid ones, near misses and what people and programs make of them. Seeded."""

from __future__ import annotations

import random

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
_TYPES = [value for name, value in vars(PhoneNumberType).items() if name.isupper() and name != "UNKNOWN"]
_FORMATS = [
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
    PhoneNumberFormat.RFC3966,
]
_FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def _mangled(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    digit = str(rng.randrange(10))
    return rng.choice(
        [
            text[:at] + digit + text[at + 1 :],
            text[:at] + text[at + 1 :] or digit,
            text[:at] + digit + text[at:],
            text[:at] + rng.choice("abcxX#*+,;/~\u200b\u200d\u2060\u00a0–．") + text[at:],
            text.replace("+", ""),
            text.replace("+", "00"),
            text.replace("+", "+00"),
            text.replace("+", "011"),
            text.replace("+", "++"),
            text.replace(" ", " (0)", 1),
            "0" + text,
            "Tel. " + text,
            text + " ext. 12",
            text + "x5",
            text.translate(_FULL_WIDTH),
            text.translate(_ARABIC),
            f"({text})",
            f" {text}\u200e",
            text + ".0",
            text + " / " + text,
            text.replace("1", "ABC", 1),
        ]
    )


def generate(count: int, seed: int) -> tuple[list[str], list[str | None]]:
    """``count`` numbers, each with the country of its row or None."""
    rng = random.Random(seed)
    examples: dict[str, list[PhoneNumber]] = {}
    for region in REGIONS:
        found = [phonenumbers.example_number_for_type(region, type_) for type_ in _TYPES]
        examples[region] = [number for number in found if number is not None]
    texts: list[str] = []
    countries: list[str | None] = []
    for _ in range(count):
        region = rng.choice(REGIONS)
        if rng.random() < 0.15 or not examples[region]:
            text = "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 18)))
            text = "+" + text if rng.random() < 0.5 else text
        else:
            number = PhoneNumber()
            number.merge_from(rng.choice(examples[region]))
            if rng.random() < 0.7:
                digits = list(str(number.national_number))
                for _ in range(rng.randrange(1, 5)):
                    digits[-1 - rng.randrange(min(len(digits), 6))] = rng.choice("0123456789")
                number.national_number = int("".join(digits))
            text = phonenumbers.format_number(number, rng.choice(_FORMATS))
        if rng.random() < 0.4:
            text = _mangled(text, rng)
        texts.append(text.strip() or "?")
        if rng.random() < 0.8:
            countries.append(region)
        else:
            countries.append(rng.choice([None, rng.choice(REGIONS)]))
    return texts, countries
