"""Phone numbers: verdict, E.164 form, type and country, equal to those of the ``phonenumbers`` library.

:func:`judge_phone` asks the library about one number. :func:`judge_phones` judges a whole column:
:mod:`nightmail.row_checks.phone_patterns` decides what is written in digits and plain punctuation, and the library
decides the rest. A spreadsheet's damage is recognised before either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present
from nightmail.row_checks.byte_spans import WORD, windows, word
from nightmail.row_checks.phone_patterns import NO_REGION, Judged, PhonePatterns, read_digits
from nightmail.row_checks.recurring import numbered, recurring

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

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

TYPE_NAMES = {
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
"""Our names of the types by those of ``phonenumbers.PhoneNumberType``."""

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
    """``phone_repaired``, ``phone_prefix_restored`` or ``phone_extension_dropped``."""


def metadata_version() -> str:
    """The version of the numbers' metadata that verdicts rest on."""
    import phonenumbers

    return str(phonenumbers.__version__)


@lru_cache(maxsize=1)
def _types_by_number() -> dict[int, str]:
    from phonenumbers import PhoneNumberType

    return {getattr(PhoneNumberType, name): label for name, label in TYPE_NAMES.items()}


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

    number, damaged = undo_spreadsheet_damage(text.strip())
    if number is None:
        return PhoneVerdict(reason="phone_damaged")
    region = country if country in phonenumbers.SUPPORTED_REGIONS else None
    if not damaged:
        return _ask(number, region)
    if region is None and not _starts_with_plus(number):
        return PhoneVerdict(reason="phone_country_needed")
    # A quantity has no plus sign: digits that begin with the country's own calling code are an international number.
    forms = [number, f"+{number.removeprefix('+')}"]
    if region is not None and number.startswith(str(phonenumbers.country_code_for_region(region))):
        forms.reverse()
    for form in forms:
        verdict = _ask(form, region)
        if verdict.number is not None:
            return replace(verdict, warning="phone_repaired")
    return PhoneVerdict(reason="phone_damaged")


def _ask(number: str, region: str | None) -> PhoneVerdict:
    """The library's own verdict."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    except phonenumbers.NumberParseException as error:
        needed = region is None and error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
        # Without a country, a number with a plus sign is wrong in itself; one without may be right at home.
        return PhoneVerdict(
            reason="phone_country_needed" if needed and not _starts_with_plus(number) else "phone_invalid"
        )
    if not phonenumbers.is_valid_number(parsed):
        return PhoneVerdict(reason="phone_invalid")
    belongs_to = phonenumbers.region_code_for_number(parsed)
    warning = None
    if parsed.extension:
        warning = "phone_extension_dropped"
    elif region is not None and number.isascii() and number.isdigit() and _lacks_prefix(number, parsed, region):
        warning = "phone_prefix_restored"
    return PhoneVerdict(
        number=phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164),
        type=_types_by_number().get(phonenumbers.number_type(parsed)),
        country=None if belongs_to == "001" else belongs_to,
        warning=warning,
    )


def _lacks_prefix(number: str, parsed: PhoneNumber, region: str) -> bool:
    """Whether a number of digits alone lacks the zero or the plus sign that it is written with."""
    from phonenumbers import CountryCodeSource, PhoneMetadata

    if parsed.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY:
        metadata = PhoneMetadata.metadata_for_region(region)
        return metadata is not None and metadata.national_prefix == "0" and number[0] != "0"
    return bool(parsed.country_code_source == CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN)


def _starts_with_plus(number: str) -> bool:
    """Whether the first character that can start a number is a plus sign, as the library sees it."""
    found = re.search(r"[+＋\d]", number)
    return found is not None and found.group() in "+＋"


@dataclass(frozen=True)
class PhoneVerdicts:
    """The verdicts on a column, as long as the column; all are null where it is null.

    ``number`` is an array of strings, the others are columns of :mod:`nightmail.row_checks.recurring`.
    """

    number: pa.Array
    type: pa.DictionaryArray
    country: pa.DictionaryArray
    reason: pa.DictionaryArray
    warning: pa.DictionaryArray


@lru_cache(maxsize=1)
def _patterns() -> PhonePatterns:
    return PhonePatterns()


_ONE_THREAD = Lock()


def load_plans() -> None:
    """Read the numbering plans of all countries (0.5 CPU-seconds, 10 MB); otherwise each is read when it is met."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    with _ONE_THREAD:
        for calling_code in COUNTRY_CODE_TO_REGION_CODE:
            _patterns().plans.need(calling_code)


@lru_cache(maxsize=200_000)
def _judge_odd(text: str, country: str | None) -> PhoneVerdict:
    return judge_phone(text, country)


def judge_phones(values: pa.Array, countries: pa.Array) -> PhoneVerdicts:
    """The verdicts on ``values``, numbers in any form, with the country of each row (null where not known)."""
    patterns = _patterns()
    rows = len(values)
    encoded = recurring(countries)
    written = read_digits(values)
    with _ONE_THREAD:
        names = encoded.dictionary.to_pylist()
        index = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
        rows_of = np.bincount(index, minlength=len(names) + 1)
        known = [patterns.plans.region(name, rows_of[at]) for at, name in enumerate(names)]
        region = np.array([*known, NO_REGION], dtype=np.int32)[index]
        judged = patterns.judge(written, region)
        verdicts = list(patterns.plans.verdicts)
    reason = np.full(rows, _NO_REASON, dtype=np.int8)
    reason[written.plain & (judged.code == 0)] = _INVALID
    reason[judged.country_needed] = _COUNTRY_NEEDED
    warning = judged.restored.astype(np.int8)
    code = judged.code
    odd = np.flatnonzero((~written.plain & present(values)) | judged.ask)
    asked: list[PhoneVerdict] = []
    if len(odd):
        at = pa.array(odd)
        asked = [
            _judge_odd(text, country)
            for text, country in zip(values.take(at).to_pylist(), countries.take(at).to_pylist(), strict=True)
        ]
        places = {verdict: place for place, verdict in enumerate(verdicts)}
        code[odd] = [places.setdefault((v.country, v.type or ""), len(places)) for v in asked]
        verdicts = list(places)
        reason[odd] = [_REASONS.index(v.reason) for v in asked]
        warning[odd] = [_WARNINGS.index(v.warning) for v in asked]
    numbers = e164(judged, odd, [verdict.number for verdict in asked])
    return PhoneVerdicts(
        numbers,
        numbered(code, [label or None for _, label in verdicts]),
        numbered(code, [name for name, _ in verdicts]),
        numbered(reason, _REASONS),
        numbered(warning, _WARNINGS),
    )


_NO_REASON, _INVALID, _COUNTRY_NEEDED = range(3)
_WARNINGS = (None, "phone_prefix_restored", "phone_repaired", "phone_extension_dropped")
_REASONS = (None, "phone_invalid", "phone_country_needed", "phone_damaged")


def e164(judged: Judged, odd: np.ndarray, numbers: Sequence[str | None]) -> pa.Array:
    """The valid numbers in E.164 form, null for the others: a plus sign, the calling code, the national number.

    The rows ``odd`` were judged elsewhere: theirs are ``numbers``. A number is written as its first eight bytes and its
    last eight, which together are all of it but for what is longer than sixteen.
    """
    valid = judged.code > 0
    valid[odd] = False
    rows = np.flatnonzero(valid)
    code, start, length = judged.calling_code[rows], judged.start[rows].astype(np.int64), judged.length[rows]
    before = 1 + _CODE_SIZES[code]
    given = [(row, number.encode()) for row, number in zip(odd.tolist(), numbers, strict=True) if number is not None]
    sizes = np.zeros(len(valid), dtype=np.int32)
    sizes[rows] = before + length
    for row, number in given:
        sizes[row], valid[row] = len(number), True
    offsets = np.zeros(len(valid) + 1, dtype=np.int32)
    np.cumsum(sizes, out=offsets[1:])
    text = np.zeros(int(offsets[-1]) + WORD, dtype=np.uint8)
    to = windows(text)
    room = np.zeros(WORD, dtype=np.uint8)
    digits = windows(np.concatenate([room, judged.digits, room, room]))
    begin, end = offsets[rows], offsets[rows + 1]
    first = _PREFIXES[code] | ((digits[start + WORD] + _ZEROS) << (8 * before).astype(np.uint64))
    long_enough = np.flatnonzero(end - begin >= WORD)
    to[end[long_enough] - WORD] = digits[start[long_enough] + length[long_enough]] + _ZEROS
    to[begin[long_enough]] = first[long_enough]
    longer = np.flatnonzero(end - begin > 2 * WORD)
    to[begin[longer] + WORD] = digits[start[longer] + 2 * WORD - before[longer]] + _ZEROS
    given += [(rows[row], first[row].tobytes()[: end[row] - begin[row]]) for row in np.flatnonzero(end - begin < WORD)]
    for row, number in given:
        text[offsets[row] : offsets[row + 1]] = np.frombuffer(number, np.uint8)
    return pa.StringArray.from_buffers(
        len(valid), pa.py_buffer(offsets), pa.py_buffer(text), pa.array(valid).buffers()[1]
    )


_CODE_SIZES = np.array([0, *(len(str(code)) for code in range(1, 1000))], dtype=np.int32)
_PREFIXES = np.array([word(f"+{code or ''}".encode()) for code in range(1000)], dtype=np.uint64)
"""The plus sign and the digits of each calling code."""
_ZEROS = word(b"0" * WORD)
