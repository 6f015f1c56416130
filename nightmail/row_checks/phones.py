"""Phone numbers: verdict, E.164 form, type and country, equal to those of the ``phonenumbers`` library.

:func:`judge_phone` judges one number. :func:`judge_phones` judges a whole column:
:mod:`nightmail.row_checks.phone_patterns` decides what is written in digits and plain punctuation, and the library
decides the rest. What has two readings is rejected unless its column decides (:mod:`nightmail.row_checks.phone_convention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import present
from nightmail.row_checks.numbering_plans import NO_REGION
from nightmail.row_checks.phone_convention import PhoneConvention
from nightmail.row_checks.phone_patterns import Judged, PhonePatterns, e164
from nightmail.row_checks.phone_readings import NumberForm, PhoneReading, PhoneVerdict, read_phone, usual_length
from nightmail.row_checks.phone_types import MOBILE_TYPES
from nightmail.row_checks.recurring import numbered, recurring
from nightmail.row_checks.written_digits import WrittenNumbers, read_digits


def metadata_version() -> str:
    """The version of the numbers' metadata that verdicts rest on."""
    import phonenumbers

    return str(phonenumbers.__version__)


def judge_phone(text: str, country: str | None) -> PhoneVerdict:
    """The verdict on ``text``, a number in any form; ``country`` is needed for national forms. Two readings are none."""
    reading = read_phone(text, country)
    return reading.verdict if reading.with_code is None else PhoneVerdict(reason="phone_ambiguous")


@dataclass(frozen=True)
class PhoneVerdicts:
    """The verdicts on a column, as long as the column; all are null where it is null.

    ``number`` and ``readings`` are arrays of strings, the others are columns of :mod:`nightmail.row_checks.recurring`.
    """

    number: pa.Array
    type: pa.DictionaryArray
    country: pa.DictionaryArray
    reason: pa.DictionaryArray
    warning: pa.DictionaryArray
    readings: pa.Array
    """Both numbers that it can be, where the reason is ``phone_ambiguous``."""


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
def _read_odd(text: str, country: str | None) -> PhoneReading:
    return read_phone(text, country)


_NO_REASON, _INVALID, _COUNTRY_NEEDED, _AMBIGUOUS = range(4)
_REASONS = (None, "phone_invalid", "phone_country_needed", "phone_ambiguous", "phone_damaged", "phone_letters")
_WARNINGS = (
    None,
    "phone_prefix_restored",
    "phone_repaired",
    "phone_extension_dropped",
    "phone_words_dropped",
)


_REASON_NUMBERS = {reason: number for number, reason in enumerate(_REASONS)}
_WARNING_NUMBERS = {warning: number for number, warning in enumerate(_WARNINGS)}


@dataclass
class _Column:
    """A block of a column while it is judged: the first reading of each row, and the second where it has one."""

    numbers: pa.Array
    code: npt.NDArray[np.int16]
    """Index into :attr:`verdicts`."""
    verdicts: list[tuple[str | None, str]]
    """Country and type."""
    reason: npt.NDArray[np.int8]
    warning: npt.NDArray[np.int8]
    second: dict[int, PhoneVerdict]
    """The reading with a country's code of the rows that have two."""
    forms: npt.NDArray[np.int8] | None = None

    def take(self, rows: npt.NDArray[np.int64], verdicts: Sequence[PhoneVerdict]) -> None:
        """Give some rows these verdicts, but for their numbers."""
        places = {verdict: place for place, verdict in enumerate(self.verdicts)}
        self.code[rows] = [places.setdefault((one.country, one.type or ""), len(places)) for one in verdicts]
        self.verdicts = list(places)
        self.reason[rows] = [_REASON_NUMBERS[one.reason] for one in verdicts]
        self.warning[rows] = [_WARNING_NUMBERS[one.warning] for one in verdicts]


def judge_phones(values: pa.Array, countries: pa.Array, convention: PhoneConvention | None = None) -> PhoneVerdicts:
    """The verdicts on ``values``, numbers in any form, with the country of each row (null where not known).

    ``convention`` decides about numbers with two readings; without it they are ambiguous.
    """
    column = _read(values, countries)
    readings = pa.nulls(len(values), pa.string())
    if column.second:
        readings = _decide(column, countries, convention)
    return PhoneVerdicts(
        column.numbers,
        numbered(column.code, [label or None for _, label in column.verdicts]),
        numbered(column.code, [name for name, _ in column.verdicts]),
        numbered(column.reason, _REASONS),
        numbered(column.warning, _WARNINGS),
        readings,
    )


def number_forms(values: pa.Array, countries: pa.Array) -> npt.NDArray[np.int8]:
    """The :class:`NumberForm` of each number of a block."""
    forms = _read(values, countries, with_forms=True).forms
    assert forms is not None
    return forms


def _read(values: pa.Array, countries: pa.Array, *, with_forms: bool = False) -> _Column:
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
        doubtful = _may_have_code(patterns, written, judged, region)
        with_code = _with_code(patterns, written, doubtful) if len(doubtful) else []
        verdicts = list(patterns.plans.verdicts)
        forms = _forms(patterns, written, judged, region) if with_forms else None
    reason = np.full(rows, _NO_REASON, dtype=np.int8)
    reason[written.plain & (judged.code == 0)] = _INVALID
    reason[judged.country_needed] = _COUNTRY_NEEDED
    odd = np.flatnonzero((~written.plain & present(values)) | judged.ask)
    asked: list[PhoneReading] = []
    if len(odd):
        at = pa.array(odd)
        asked = [
            _read_odd(text, country)
            for text, country in zip(values.take(at).to_pylist(), countries.take(at).to_pylist(), strict=True)
        ]
    numbers = e164(judged, odd, [reading.verdict.number for reading in asked])
    column = _Column(numbers, judged.code, verdicts, reason, judged.restored.astype(np.int8), {}, forms)
    if asked:
        column.take(odd, [reading.verdict for reading in asked])
        for row, reading in zip(odd.tolist(), asked, strict=True):
            if reading.with_code is not None:
                column.second[row] = reading.with_code
        if forms is not None:
            forms[odd] = [reading.form for reading in asked]
    if len(doubtful):
        firsts = numbers.take(pa.array(doubtful)).to_pylist()
        for row, first, second in zip(doubtful.tolist(), firsts, with_code, strict=True):
            if second.number not in (None, first):
                column.second[row] = second
                if forms is not None:
                    forms[row] = NumberForm.EITHER
    return column


def _may_have_code(
    patterns: PhonePatterns, written: WrittenNumbers, judged: Judged, region: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """The plain rows that may have a second reading, with a country's code: few, in most files."""
    if not judged.home.any():
        return np.zeros(0, np.int64)
    verdicts = patterns.plans.verdicts
    mobile = np.array([type_ in MOBILE_TYPES for _, type_ in verdicts])[judged.code]
    valid = judged.home & (judged.code > 0) & ~judged.own_code
    rows = np.flatnonzero(valid & (judged.begins_with_code | ~mobile))
    rows = rows[written.digits[written.start[rows]] != 0]
    if not len(rows):
        return np.asarray(rows)
    usual = np.array([usual_length(country, type_) if country and type_ else 0 for country, type_ in verdicts])
    at_home = mobile[rows] | (judged.length[rows] == usual[judged.code[rows]])
    at_home |= patterns.begins_with_national_prefix(judged, written, region)[rows]
    return np.asarray(rows[judged.begins_with_code[rows] | ~at_home])


def _with_code(patterns: PhonePatterns, written: WrittenNumbers, rows: npt.NDArray[np.int64]) -> list[PhoneVerdict]:
    """The verdicts on some plain rows as international numbers without their plus sign."""
    judged = patterns.judge_with_code(written, rows)
    asked = {
        place: _read_odd(f"+{written.text(int(rows[place]))}", None).verdict
        for place in np.flatnonzero(judged.ask).tolist()
    }
    numbers = e164(judged, np.array(list(asked), dtype=np.int64), [verdict.number for verdict in asked.values()])
    found = []
    for place, (number, code) in enumerate(zip(numbers.to_pylist(), judged.code.tolist(), strict=True)):
        country, type_ = patterns.plans.verdicts[code]
        verdict = asked.get(place, PhoneVerdict(number, type_ or None, country))
        found.append(PhoneVerdict(verdict.number, verdict.type, verdict.country, warning="phone_prefix_restored"))
    return found


def _forms(
    patterns: PhonePatterns, written: WrittenNumbers, judged: Judged, region: npt.NDArray[np.int32]
) -> npt.NDArray[np.int8]:
    """The forms of the plain rows, those with two readings aside."""
    at_home = judged.home & (judged.code > 0)
    prefixed = patterns.begins_with_national_prefix(judged, written, region)
    forms = np.full(len(at_home), NumberForm.OTHER, dtype=np.int8)
    forms[at_home] = NumberForm.NATIONAL
    forms[at_home & prefixed] = NumberForm.WITH_PREFIX
    forms[at_home & judged.own_code] = NumberForm.WITH_CODE
    return forms


def _decide(column: _Column, countries: pa.Array, convention: PhoneConvention | None) -> pa.Array:
    """Decide about the rows with two readings, or reject them; gives both readings of the rejected ones."""
    rows = np.array(list(column.second), dtype=np.int64)
    at = pa.array(rows)
    decided = [
        convention.with_code(country) if convention is not None and country is not None else None
        for country in countries.take(at).to_pylist()
    ]
    firsts = column.numbers.take(at).to_pylist()
    numbers: list[str | None] = []
    shown: list[str | None] = []
    changed: dict[int, PhoneVerdict] = {}
    for row, first, with_code, second in zip(rows.tolist(), firsts, decided, column.second.values(), strict=True):
        numbers.append(second.number if with_code else first if with_code is not None else None)
        shown.append(None if with_code is not None else f"{first} or {second.number}")
        if with_code is not False:
            changed[row] = second if with_code else PhoneVerdict(reason="phone_ambiguous")
    column.take(np.array(list(changed), dtype=np.int64), list(changed.values()))
    order = pa.array(np.argsort(rows))
    mask = np.zeros(len(column.numbers), dtype=bool)
    mask[rows] = True
    where = pa.array(mask)
    column.numbers = pc.replace_with_mask(column.numbers, where, pa.array(numbers, pa.string()).take(order))
    return pc.replace_with_mask(pa.nulls(len(mask), pa.string()), where, pa.array(shown, pa.string()).take(order))
