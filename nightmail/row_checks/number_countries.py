"""The country of a phone number, by the column: what ``phonenumbers`` says of numbers that are valid and in E.164.

Most calling codes belong to one country. Where several share one (``+44`` is also Jersey), numbers that match no pattern
of a smaller sharer belong to the main country, and the library is asked for the rest. In North America it is asked once
per area code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NORTH_AMERICA = "1"
_MIXED_AREAS = tuple(f"+1{area}" for area in ("310", "800", "822", "833", "844", "855", "866", "877", "888", "900"))
"""Area codes that several countries share: asked number by number. They are rare in lists of people."""


def countries_of_numbers(numbers: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Two-letter countries of valid E.164 numbers; null for null and for numbers that belong to no country (``+800``)."""
    if isinstance(numbers, pa.ChunkedArray):
        numbers = numbers.combine_chunks()
    # Four characters tell all calling codes apart: "+" and at most three digits.
    prefixes = pc.utf8_slice_codeunits(numbers, 0, 4).dictionary_encode()
    codes = [_calling_code(prefix) for prefix in prefixes.dictionary.to_pylist()]
    regions = [_regions(code) if code is not None else () for code in codes]
    simple = pa.array([found[0] if found and found[0] != "001" else None for found in regions], pa.string())
    countries = simple.take(prefixes.indices)
    shared = [position for position, found in enumerate(regions) if len(found) > 1]
    if not shared:
        return countries
    indices = prefixes.indices.to_numpy(zero_copy_only=False)
    by_code: dict[str, list[int]] = {}
    for position in shared:
        code = codes[position]
        assert code is not None
        by_code.setdefault(code, []).append(position)
    for code, positions in by_code.items():
        rows = np.flatnonzero(np.isin(indices, positions))
        of_code = numbers.take(pa.array(rows))
        if code == _NORTH_AMERICA:
            found_countries = _by_area_code(of_code)
        else:
            doubtful = np.flatnonzero(
                pc.match_substring_regex(of_code, _pattern_of_sharers(code)).to_numpy(zero_copy_only=False)
            )
            rows = rows[doubtful]
            asked = [_ask(number) for number in of_code.take(pa.array(doubtful)).to_pylist()]
            found_countries = pa.array(asked, pa.string())
        if len(rows):
            mask = np.zeros(len(numbers), dtype=bool)
            mask[rows] = True
            countries = pc.replace_with_mask(countries, pa.array(mask), found_countries)
    return countries


def _by_area_code(numbers: pa.Array) -> pa.Array:
    areas = pc.utf8_slice_codeunits(numbers, 0, 5)
    areas = pc.if_else(pc.is_in(areas, pa.array(_MIXED_AREAS)), numbers, areas).dictionary_encode()
    indices = areas.indices.to_numpy(zero_copy_only=False)
    _, first = np.unique(indices, return_index=True)
    asked = [_ask(number) for number in numbers.take(pa.array(first)).to_pylist()]
    return pa.array(asked, pa.string()).take(areas.indices)


@lru_cache(maxsize=2000)
def _calling_code(prefix: str | None) -> str | None:
    import phonenumbers

    if prefix is None:
        return None
    for length in (1, 2, 3):
        digits = prefix[1 : 1 + length]
        if digits.isdigit() and int(digits) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits
    return None


@lru_cache(maxsize=500)
def _regions(code: str) -> tuple[str, ...]:
    import phonenumbers

    return tuple(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)])


def _ask(number: str) -> str | None:
    import phonenumbers

    region = phonenumbers.region_code_for_number(phonenumbers.parse(number, None))
    return None if region == "001" else region


@lru_cache(maxsize=50)
def _pattern_of_sharers(code: str) -> str:
    """A pattern that every number of a country other than the code's main one matches."""
    import phonenumbers

    patterns: list[str] = []
    for region in _regions(code)[1:]:
        metadata: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
        if metadata.leading_digits:
            patterns.append(f"(?:{metadata.leading_digits})")
            continue
        for kind in (
            "fixed_line",
            "mobile",
            "toll_free",
            "premium_rate",
            "shared_cost",
            "personal_number",
            "voip",
            "pager",
            "uan",
            "voicemail",
        ):
            description = getattr(metadata, kind)
            if description is not None and description.national_number_pattern:
                patterns.append(f"(?:{description.national_number_pattern})$")
    return rf"^\+{code}(?:{'|'.join(patterns)})"
