"""What one phone number can mean: the verdict of ``phonenumbers``, and a second reading where the number has two.

A number without a plus sign may be a national one or an international one that lost its plus: ``4915123450101`` is a German mobile number
written with its country's code, and as valid a German fixed line (04915 is an area code). Numbers with a plus sign, with a prefix dialled
for abroad, or with the zero that is dialled at home have one reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from nightmail.row_checks.phone_types import MOBILE_TYPES, TYPE_NAMES
from nightmail.row_checks.phone_words import WithoutWords, without_words

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_SCIENTIFIC = re.compile(r"^\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})$")
_FLOAT = re.compile(r"^(\+?\d{6,17})[.,]0{1,2}$")


@dataclass(frozen=True, slots=True)
class PhoneVerdict:
    """The verdict on one number: either ``number`` with its ``type`` and ``country``, or ``reason``."""

    number: str | None = None
    """E.164."""
    type: str | None = None
    """One of :data:`~nightmail.row_checks.phone_types.PHONE_TYPES`."""
    country: str | None = None
    """ISO 3166-1 alpha-2; None for numbers that belong to no country, such as +800."""
    reason: str | None = None
    """``phone_invalid``, ``phone_country_needed``, ``phone_damaged``, ``phone_letters`` or ``phone_ambiguous``."""
    warning: str | None = None
    """``phone_repaired``, ``phone_prefix_restored``, ``phone_extension_dropped`` or ``phone_words_dropped``."""


class NumberForm(IntEnum):
    """How a number is written, as far as that says how the others of its column are."""

    OTHER = 0
    """With a plus sign, from abroad, or unreadable: it says nothing."""
    WITH_PREFIX = 1
    """National, with the prefix that is dialled at home (``0151 23456789``)."""
    NATIONAL = 2
    """Without that prefix, and with no other reading."""
    WITH_CODE = 3
    """With the country's code and without a plus sign, and with no other reading."""
    EITHER = 4
    """National or with a country's code: two different numbers."""


@dataclass(frozen=True, slots=True)
class PhoneReading:
    """What a number can mean: ``verdict`` and, where :attr:`form` is ``EITHER``, the reading ``with_code`` beside it."""

    verdict: PhoneVerdict
    form: NumberForm = NumberForm.OTHER
    with_code: PhoneVerdict | None = None


def undo_spreadsheet_damage(text: str) -> tuple[str | None, bool]:
    """The number as it was before a spreadsheet took it for a quantity, and whether anything had to be undone.

    ``447723456789.0`` and ``4.47723456789E+11`` still have all their digits. ``4.47723E+11`` has lost some: None.
    """
    whole = _FLOAT.match(text)
    if whole:
        return whole.group(1), True
    scientific = _SCIENTIFIC.match(text)
    if scientific:
        first, decimals, exponent = scientific.groups()
        if decimals and len(decimals) == int(exponent) and decimals[-1] != "0":
            return first + decimals, True
        return None, True
    return text, False


def read_phone(text: str, country: str | None) -> PhoneReading:
    """All that ``text`` can mean, a number in any form; ``country`` is needed for national forms."""
    import phonenumbers

    number, damaged = undo_spreadsheet_damage(text.strip())
    if number is None:
        return PhoneReading(PhoneVerdict(reason="phone_damaged"))
    region = country if country in phonenumbers.SUPPORTED_REGIONS else None
    if damaged:
        return _read_quantity(number, region)
    alone = without_words(number)
    if alone is None:
        return PhoneReading(PhoneVerdict(reason="phone_letters"))
    verdict, parsed = _ask(alone.number, region)
    if parsed is None or verdict.number is None:
        return PhoneReading(verdict)
    if alone.vanity_of is not None and (
        parsed.country_code != alone.vanity_of or verdict.type not in _TYPES_OF_VANITY_NUMBERS
    ):
        return PhoneReading(PhoneVerdict(reason="phone_letters"))
    return _with_second_reading(_noting_words(verdict, alone), parsed, alone.number, region)


_TYPES_OF_VANITY_NUMBERS = frozenset({"toll_free", "premium", "shared_cost", "uan"})


def _noting_words(verdict: PhoneVerdict, alone: WithoutWords) -> PhoneVerdict:
    if alone.extension:
        return replace(verdict, warning="phone_extension_dropped")
    if alone.words and verdict.warning is None:
        return replace(verdict, warning="phone_words_dropped")
    return verdict


def _read_quantity(number: str, region: str | None) -> PhoneReading:
    """A number that a spreadsheet took for a quantity. It has no plus sign, whatever it had before."""
    if region is None and not _starts_with_plus(number):
        return PhoneReading(PhoneVerdict(reason="phone_country_needed"))
    verdict, parsed = _ask(number, region)
    if parsed is not None and verdict.number is not None:
        reading = _with_second_reading(verdict, parsed, number, region)
    else:
        # Only as the number of another country is it one.
        reading = PhoneReading(_ask(f"+{number.removeprefix('+')}", None)[0])
    if reading.verdict.number is None:
        return PhoneReading(PhoneVerdict(reason="phone_damaged"))
    repaired = replace(reading.verdict, warning="phone_repaired")
    with_code = None if reading.with_code is None else replace(reading.with_code, warning="phone_repaired")
    return PhoneReading(repaired, reading.form, with_code)


def _with_second_reading(verdict: PhoneVerdict, parsed: PhoneNumber, number: str, region: str | None) -> PhoneReading:
    """The reading of a valid number: its form, and what it is with a country's code if that is another number."""
    from phonenumbers import CountryCodeSource, normalize_digits_only

    source = parsed.country_code_source
    if region is None or source not in (
        CountryCodeSource.FROM_DEFAULT_COUNTRY,
        CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN,
    ):
        return PhoneReading(verdict)
    if source == CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN:
        return PhoneReading(verdict, NumberForm.WITH_CODE)
    digits = normalize_digits_only(number)
    if parsed.extension:
        digits = digits.removesuffix(parsed.extension)
    prefix = _national_prefix(region)
    prefixed = bool(prefix) and digits.startswith(prefix)
    national = str(parsed.national_number)
    at_home = prefixed or is_usual(verdict.country, verdict.type, len(national))
    if not digits.startswith("0") and (digits.startswith(str(parsed.country_code)) or not at_home):
        with_code = _ask(f"+{digits}", None)[0]
        if with_code.number not in (None, verdict.number):
            return PhoneReading(verdict, NumberForm.EITHER, replace(with_code, warning="phone_prefix_restored"))
    return PhoneReading(verdict, NumberForm.WITH_PREFIX if prefixed else NumberForm.NATIONAL)


def is_usual(country: str | None, type_: str | None, length: int) -> bool:
    """Whether a national number without a prefix is written as such numbers are in their country.

    Another country's code counts only against one that is not. A mobile number always is: its length and first digits leave no doubt
    (``15123456789`` in Germany). Others are where no zero is dialled in front of them and they have the usual length.
    """
    if type_ in MOBILE_TYPES:
        return True
    return country is not None and type_ is not None and length == usual_length(country, type_)


@lru_cache(maxsize=2048)
def usual_length(country: str, type_: str) -> int:
    """The digits of a usual number of a country and type; 0 where a zero is dialled in front of it."""
    from phonenumbers import PhoneNumberType, example_number_for_type

    if writes_zero(country):
        return 0
    name = next(name for name, label in TYPE_NAMES.items() if label == type_)
    example = example_number_for_type(country, getattr(PhoneNumberType, name))
    return 0 if example is None else len(str(example.national_number))


def writes_zero(country: str) -> bool:
    """Whether national numbers of ``country`` are written with a zero in front, which is not part of them."""
    return _national_prefix(country).startswith("0")


@lru_cache(maxsize=512)
def _national_prefix(region: str) -> str:
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region)
    return (metadata.national_prefix or "") if metadata is not None else ""


@lru_cache(maxsize=1)
def _types_by_number() -> dict[int, str]:
    from phonenumbers import PhoneNumberType

    return {getattr(PhoneNumberType, name): label for name, label in TYPE_NAMES.items()}


def _ask(number: str, region: str | None) -> tuple[PhoneVerdict, PhoneNumber | None]:
    """The library's own verdict, and what it read."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    except phonenumbers.NumberParseException as error:
        needed = region is None and error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        # Without a country, a number with a plus sign is wrong in itself; one without may be right at home.
        reason = "phone_country_needed" if needed and not _starts_with_plus(number) else "phone_invalid"
        return PhoneVerdict(reason=reason), None
    if not phonenumbers.is_valid_number(parsed):
        return PhoneVerdict(reason="phone_invalid"), parsed
    belongs_to = phonenumbers.region_code_for_number(parsed)
    warning = None
    if parsed.extension:
        warning = "phone_extension_dropped"
    elif region is not None and number.isascii() and number.isdigit() and _lacks_prefix(number, parsed, region):
        warning = "phone_prefix_restored"
    verdict = PhoneVerdict(
        number=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        type=_types_by_number().get(phonenumbers.number_type(parsed)),
        country=None if belongs_to == "001" else belongs_to,
        warning=warning,
    )
    return verdict, parsed


def _lacks_prefix(number: str, parsed: PhoneNumber, region: str) -> bool:
    """Whether a number of digits alone lacks the zero or the plus sign that it is written with."""
    from phonenumbers import CountryCodeSource

    if parsed.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return _national_prefix(region) == "0" and number[0] != "0"
    return bool(parsed.country_code_source == CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN)


def _starts_with_plus(number: str) -> bool:
    """Whether the first character that can start a number is a plus sign, as the library sees it."""
    found = re.search(r"[+＋\d]", number)
    return found is not None and found.group() in "+＋"
