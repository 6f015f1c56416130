"""Days on which nothing is sent: public holidays of a country or a part of it, and a team's blackout days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

from nightmail.organisation.audience_rules import BlackoutDays, Holidays, StatedRules, place_of


@lru_cache(maxsize=5_000)
def public_holidays(where: str, year: int) -> frozenset[date]:
    """The public holidays in a year of a country (``DE``), or of a part of it (``DE-BY``, by ISO 3166-2): the country's with its own.

    None where no calendar of the country is known; those of the country where none of the part is.
    """
    import holidays

    country, _, part = where.partition("-")
    try:
        if part:
            try:
                return frozenset(holidays.country_holidays(country, subdiv=part, years=year))
            except NotImplementedError:
                pass
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


def load_calendars() -> None:
    """Read what calendars are made of, so that no run has to: a tenth of a second."""
    public_holidays("DE", datetime.now(UTC).year)


@dataclass(frozen=True)
class ClosedDays:
    """The rules on days that bind one category on one channel, each with where it stands. Equal ones close equal days."""

    holidays: tuple[tuple[str, Holidays], ...] = ()
    blackouts: tuple[tuple[str, BlackoutDays], ...] = ()

    @classmethod
    def on(cls, stated: Sequence[StatedRules], category: str, channel: str) -> ClosedDays:
        """Those of all teams that bind messages of a category on a channel."""
        return cls(
            tuple(
                (place_of(team.team, "holidays", at), rule)
                for team in stated
                for at, rule in enumerate(team.rules.holidays)
                if rule.binds(category, channel)
            ),
            tuple(
                (place_of(team.team, "blackout_days", at), rule)
                for team in stated
                for at, rule in enumerate(team.rules.blackout_days)
                if rule.binds(category, channel)
            ),
        )

    def __bool__(self) -> bool:
        return bool(self.holidays or self.blackouts)

    @property
    def places(self) -> list[str]:
        """Where the rules stand, in the order in which they are looked at."""
        return [place for place, _ in (*self.blackouts, *self.holidays)]

    def why(self, day: date, where: str | None) -> str | None:
        """Why nothing is sent to contacts of a country, or a part of one, on a day of theirs: a reason's code, or ``None``."""
        closed = self.closed_by(day, where)
        return None if closed is None else closed[0]

    def closed_by(self, day: date, where: str | None) -> tuple[str, str] | None:
        """The same, with where the rule stands.

        Where a contact is from is not known, the blackout days of any country hold; holidays of no country do.
        """
        country = where and where[:2]
        for place, blackout in self.blackouts:
            for_them = not blackout.countries or country is None or country in blackout.countries
            if for_them and blackout.begin <= day <= blackout.end:
                return "blackout_day", place
        if where is None or country is None:
            return None
        for place, rule in self.holidays:
            if rule.countries and country not in rule.countries:
                continue
            if any(day in public_holidays(each, day.year) for each in _calendars(rule, where, country)):
                return "holiday", place
        return None


def _calendars(rule: Holidays, where: str, country: str) -> tuple[str, ...]:
    """Whose holidays hold: those of the contact's own part of a country, else of those parts that the rule states, else the country's."""
    if where != country:
        return (where,)
    stated = tuple(each for each in rule.subdivisions if each.startswith(f"{country}-"))
    return stated or (country,)
