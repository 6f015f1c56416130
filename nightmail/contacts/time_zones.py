"""Time zones: IANA names in canonical spelling, and the zone of a number or a country where there is only one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo, available_timezones

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
    """What a clock in ``zone`` shows against UTC, weekly over three years: zones with equal clocks are one to us."""
    info = ZoneInfo(zone)
    return tuple(
        (_SAMPLED_FROM + timedelta(days=day)).astimezone(info).utcoffset() for day in range(0, _SAMPLED_DAYS, 7)
    )


def single_zone(zones: tuple[str, ...]) -> str | None:
    """The first of ``zones`` if clocks agree in all of them, else None."""
    if not zones:
        return None
    return zones[0] if len({_clock(zone) for zone in zones}) == 1 else None


@lru_cache(maxsize=512)
def country_time_zone(country: str) -> str | None:
    """The time zone of a country whose clocks all agree (``DE``: ``Europe/Berlin``), or None (``US``)."""
    return single_zone(tuple(_zones_by_country().get(country, ())))


@lru_cache(maxsize=100_000)
def number_time_zone(number: str) -> str | None:
    """The time zone of an E.164 number where its prefix belongs to one zone, or None."""
    import phonenumbers
    from phonenumbers import timezone

    zones = timezone.time_zones_for_number(phonenumbers.parse(number))
    return single_zone(tuple(zone for zone in zones if zone != timezone.UNKNOWN_TIMEZONE))
