"""Time zones: IANA names in canonical spelling, and the zone of a number or a country where there is only one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.row_checks.recurring import nulls, numbered, of_distinct

_SAMPLED_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_SAMPLED_DAYS = 3 * 366


@lru_cache(maxsize=1)
def _zones_by_folded_name() -> dict[str, str]:
    from babel.core import get_global

    found = {windows.casefold(): zone for windows, zone in get_global("windows_zone_mapping").items()}
    found.update(
        {zone.casefold(): zone for zone in available_timezones() if zone not in {"localtime", "posixrules", "Factory"}}
    )
    found["z"] = "UTC"
    return found


@lru_cache(maxsize=100_000)
def time_zone_name(text: str) -> str | None:
    """The IANA name that ``text`` means, or None: ``europe/berlin``, ``W. Europe Standard Time``."""
    names = _zones_by_folded_name()
    written = " ".join(text.split()).casefold()
    return names.get(written) or names.get(written.replace(" ", "_"))


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, list[str]]:
    """The zones of each country, from the table that comes with the time zone database."""
    found: dict[str, list[str]] = {}
    table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return found


@lru_cache(maxsize=1024)
def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """What a clock in ``zone`` shows against UTC, weekly over three years: zones with equal clocks count as one."""
    info = ZoneInfo(zone)
    return tuple(
        (_SAMPLED_FROM + timedelta(days=day)).astimezone(info).utcoffset() for day in range(0, _SAMPLED_DAYS, 7)
    )


@lru_cache(maxsize=8192)
def single_zone(zones: tuple[str, ...]) -> str | None:
    """The first of ``zones`` if clocks agree in all of them, else None."""
    if not zones:
        return None
    return zones[0] if len({_clock(zone) for zone in zones}) == 1 else None


@lru_cache(maxsize=512)
def country_time_zone(country: str) -> str | None:
    """The time zone of a country whose clocks all agree (``DE``: ``Europe/Berlin``), or None (``US``)."""
    return single_zone(tuple(_zones_by_country().get(country, ())))


@dataclass(frozen=True)
class _Prefixes:
    """The prefixes of one length that belong to time zones, sorted, and the zones of each."""

    length: int
    keys: np.ndarray
    zones: list[tuple[str, ...]]


@lru_cache(maxsize=1)
def _prefixes() -> tuple[_Prefixes, ...]:
    """The prefixes of international numbers, the longest first."""
    from phonenumbers.tzdata import TIMEZONE_DATA

    by_length: dict[int, list[str]] = {}
    for prefix in TIMEZONE_DATA:
        by_length.setdefault(len(prefix), []).append(prefix)
    return tuple(
        _Prefixes(
            length,
            np.array(sorted(map(int, prefixes)), dtype=np.int64),
            [TIMEZONE_DATA[prefix] for prefix in sorted(prefixes)],
        )
        for length, prefixes in sorted(by_length.items(), reverse=True)
    )


def load_zones(countries: Iterable[str]) -> None:
    """Compare the clocks of ``countries``, and read which zones prefixes of numbers belong to."""
    for country in countries:
        country_time_zone(country)
    _prefixes()
    _mobile_is_local()


@lru_cache(maxsize=1)
def _mobile_is_local() -> str:
    """A pattern of the numbers whose mobile numbers belong to a place, as the library says."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberType, is_number_type_geographical

    codes = [
        str(code) for code in COUNTRY_CODE_TO_REGION_CODE if is_number_type_geographical(PhoneNumberType.MOBILE, code)
    ]
    return rf"^\+(?:{'|'.join(codes)})"


_POWERS_OF_TEN = 10 ** np.arange(19)
_TYPES_OF_A_PLACE = pa.array(["fixed", "fixed_or_mobile"])


def number_time_zones(numbers: pa.Array, types: pa.Array) -> pa.DictionaryArray:
    """The time zones of E.164 numbers that belong to a place in a single zone; null for the others.

    ``types`` are those of :data:`nightmail.row_checks.phone_types.PHONE_TYPES`. A mobile number tells no place in most countries.
    """
    local = of_distinct(types, lambda known: pc.is_in(known, value_set=_TYPES_OF_A_PLACE))
    mobile = of_distinct(types, lambda known: pc.equal(known, "mobile"))
    local, mobile = pc.fill_null(local, False), pc.fill_null(mobile, False)
    if pc.any(mobile).as_py():
        local = pc.or_(local, pc.and_(mobile, pc.match_substring_regex(numbers, _mobile_is_local())))
    rows = np.flatnonzero(pc.and_(local, pc.is_valid(numbers)).to_numpy(zero_copy_only=False))
    if not len(rows):
        return nulls(len(numbers))
    text = pc.utf8_slice_codeunits(numbers.take(pa.array(rows)), 1)
    digits = text.cast(pa.int64()).to_numpy()
    length = pc.binary_length(text).to_numpy()
    found = np.full(len(numbers), -1, dtype=np.int64)
    names: list[tuple[str, ...]] = []
    offset = 0
    for prefixes in _prefixes():
        names.extend(prefixes.zones)
        long_enough = length >= prefixes.length
        begins = digits // _POWERS_OF_TEN.take(length - prefixes.length, mode="clip")
        at = np.minimum(np.searchsorted(prefixes.keys, begins), len(prefixes.keys) - 1)
        hit = long_enough & (prefixes.keys[at] == begins)
        found[rows[hit]] = at[hit] + offset
        offset += len(prefixes.keys)
        rows, digits, length = rows[~hit], digits[~hit], length[~hit]
        if not len(rows):
            break
    # Few of the prefixes are met: only their zones are compared.
    single = {int(at): single_zone(names[at]) for at in np.unique(found) if at >= 0}
    position = np.full(len(names) + 1, len(single), dtype=np.int32)
    position[list(single)] = np.arange(len(single))
    return numbered(position[found], [*single.values(), None])
