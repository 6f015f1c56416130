"""Parts of countries whose public holidays are known, by ISO 3166-2: states, cantons, provinces."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def _known() -> dict[str, frozenset[str]]:
    """Of each country with a calendar its parts that have one, as their codes say after the hyphen."""
    import holidays

    listed = holidays.list_supported_countries(include_aliases=False)
    # What is longer is no code: a city, a school zone.
    return {country: frozenset(part for part in parts if len(part) <= 3) for country, parts in listed.items()}


def knows_subdivision(code: str) -> bool:
    """Whether the holidays of a part of a country are known: ``DE-BY``."""
    country, _, part = code.partition("-")
    return part in _known().get(country, ())


def unknown_subdivision(code: str) -> str | None:
    """Why a code cannot be used, as a sentence that names those that can; ``None`` where it can."""
    if knows_subdivision(code):
        return None
    country = code.partition("-")[0]
    parts = _known().get(country)
    if parts is None:
        return f"no holidays of {country} are known, nor of {code}: state them as blackout days"
    if not parts:
        return f"{code} is no part of {country} whose holidays differ: leave it out, the nationwide ones hold"
    codes = sorted(f"{country}-{part}" for part in parts)
    return f"{code} is no part of {country} (ISO 3166-2): one of {', '.join(codes)}"
