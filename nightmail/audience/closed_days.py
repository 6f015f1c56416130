"""Days on which nothing is sent: public holidays of a country, and a team's blackout days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from nightmail.organisation.audience_rules import BlackoutDays, Holidays, StatedRules


@lru_cache(maxsize=2_000)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """The nationwide public holidays of a country in a year; none where no calendar of it is known."""
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


@dataclass(frozen=True)
class ClosedDays:
    """The rules on days that bind one category on one channel. Equal ones close equal days."""

    holidays: tuple[Holidays, ...] = ()
    blackouts: tuple[BlackoutDays, ...] = ()

    @classmethod
    def on(cls, stated: Sequence[StatedRules], category: str, channel: str) -> ClosedDays:
        """Those of all teams that bind messages of a category on a channel."""
        return cls(
            tuple(rule for team in stated for rule in team.rules.holidays if rule.binds(category, channel)),
            tuple(rule for team in stated for rule in team.rules.blackout_days if rule.binds(category, channel)),
        )

    def __bool__(self) -> bool:
        return bool(self.holidays or self.blackouts)

    def why(self, day: date, country: str | None) -> str | None:
        """Why nothing is sent to contacts of a country on a day of theirs: a reason's code, or ``None``.

        Where a contact is from is not known, the blackout days of any country hold; holidays of no country do.
        """
        for blackout in self.blackouts:
            for_them = not blackout.countries or country is None or country in blackout.countries
            if for_them and blackout.begin <= day <= blackout.end:
                return "blackout_day"
        if country is None:
            return None
        for rule in self.holidays:
            if (not rule.countries or country in rule.countries) and day in public_holidays(country, day.year):
                return "holiday"
        return None
