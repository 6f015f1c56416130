"""Phone numbers: verdict, E.164 form, type and country, equal to those of the ``phonenumbers`` library.

:func:`judge_phone` asks the library about one number. :func:`judge_phones` judges a whole column:
:mod:`nightmail.contacts.phone_patterns` decides what is written in digits and plain punctuation, and the library
decides the rest. A spreadsheet's damage is recognised before either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

PHONE_TYPES = (
    "mobile",
    "fixed",
    "fixed_or_mobile",
    "premium",
    "shared_cost",
    "toll_free",
    "voip",
    "personal",
    "pager",
    "uan",
    "voicemail",
)
"""What ``phone_type`` may hold. ``fixed_or_mobile``: the country's plan does not tell them apart, as in the United States."""

SMS_TYPES = frozenset({"mobile", "fixed_or_mobile", "voip", "personal", "pager"})
"""The types that a text message can be sent to."""

PREMIUM_TYPES = frozenset({"premium", "shared_cost"})
"""The types that cost the caller more than an ordinary call."""

_TYPE_NAMES = {
    "MOBILE": "mobile",
    "FIXED_LINE": "fixed",
    "FIXED_LINE_OR_MOBILE": "fixed_or_mobile",
    "PREMIUM_RATE": "premium",
    "SHARED_COST": "shared_cost",
    "TOLL_FREE": "toll_free",
    "VOIP": "voip",
    "PERSONAL_NUMBER": "personal",
    "PAGER": "pager",
    "UAN": "uan",
    "VOICEMAIL": "voicemail",
}

_SCIENTIFIC = re.compile(r"^\+?(\d)(?:[.,](\d+))?[eE]\+?(\d{1,2})$")
_FLOAT = re.compile(r"^(\+?\d{6,17})[.,]0{1,2}$")


@dataclass(frozen=True, slots=True)
class PhoneVerdict:
    """The verdict on one number: either ``number`` with its ``type`` and ``country``, or ``reason``."""

    number: str | None = None
    """E.164."""
    type: str | None = None
    """One of :data:`PHONE_TYPES`."""
    country: str | None = None
    """ISO 3166-1 alpha-2; None for numbers that belong to no country, such as +800."""
    reason: str | None = None
    """``phone_invalid``, ``phone_country_needed`` or ``phone_damaged``."""
    warning: str | None = None
    """``phone_repaired`` or ``phone_extension_dropped``."""


def metadata_version() -> str:
    """The version of the numbers' metadata that verdicts rest on."""
    import phonenumbers

    return str(phonenumbers.__version__)


@lru_cache(maxsize=1)
def _types_by_number() -> dict[int, str]:
    from phonenumbers import PhoneNumberType

    return {getattr(PhoneNumberType, name): label for name, label in _TYPE_NAMES.items()}


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


def judge_phone(text: str, country: str | None) -> PhoneVerdict:
    """The verdict on ``text``, a number in any form; ``country`` is needed for national forms."""
    import phonenumbers

    text = text.strip()
    number, damaged = undo_spreadsheet_damage(text)
    if number is None:
        return PhoneVerdict(reason="phone_damaged")
    region = country if country in phonenumbers.SUPPORTED_REGIONS else None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException as error:
        needed = region is None and error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        # Without a country, a number with a plus sign is wrong in itself; one without may be right at home.
        if needed and not _starts_with_plus(number):
            return PhoneVerdict(reason="phone_country_needed")
        return PhoneVerdict(reason="phone_damaged" if damaged else "phone_invalid")
    if not phonenumbers.is_valid_number(parsed):
        return PhoneVerdict(reason="phone_damaged" if damaged else "phone_invalid")
    belongs_to = phonenumbers.region_code_for_number(parsed)
    warning = None
    if damaged:
        warning = "phone_repaired"
    elif parsed.extension:
        warning = "phone_extension_dropped"
    return PhoneVerdict(
        number=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        type=_types_by_number().get(phonenumbers.number_type(parsed)),
        country=None if belongs_to == "001" else belongs_to,
        warning=warning,
    )


def _starts_with_plus(number: str) -> bool:
    """Whether the first character that can start a number is a plus sign, as the library sees it."""
    found = re.search(r"[+＋\d]", number)
    return found is not None and found.group() in "+＋"


@dataclass(frozen=True)
class PhoneVerdicts:
    """The verdicts on a column: arrays of strings, as long as the column; all are null where it is null."""

    number: pa.Array
    type: pa.Array
    country: pa.Array
    reason: pa.Array
    warning: pa.Array


def judge_phones(values: pa.Array, countries: pa.Array) -> PhoneVerdicts:
    """The verdicts on ``values``, numbers in any form, with the country of each row (null where not known)."""
    seen: dict[tuple[str, str | None], PhoneVerdict] = {}
    verdicts = []
    nothing = PhoneVerdict()
    for value, country in zip(values.to_pylist(), countries.to_pylist(), strict=True):
        if value is None:
            verdicts.append(nothing)
            continue
        verdict = seen.get((value, country))
        if verdict is None:
            verdict = seen[(value, country)] = judge_phone(value, country)
        verdicts.append(verdict)
    return PhoneVerdicts(
        *(
            pa.array([getattr(verdict, name) for verdict in verdicts], pa.string())
            for name in ("number", "type", "country", "reason", "warning")
        )
    )
