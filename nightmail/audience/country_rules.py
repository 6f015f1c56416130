"""Which countries may be written to on a channel: what teams allow and deny, and what a hosting region serves."""

from __future__ import annotations

from collections.abc import Sequence

from nightmail.organisation.audience_rules import StatedRules, place_of
from nightmail.organisation.served_countries import hosting_region_of


class CountryRules:
    """The country rules that bind one category on one channel; what any of them denies is denied."""

    def __init__(self, stated: Sequence[StatedRules], category: str, channel: str, hosting_region: str | None) -> None:
        self._rules = {
            place_of(team.team, "countries", at): rule
            for team in stated
            for at, rule in enumerate(team.rules.countries)
            if rule.binds(category, channel)
        }
        self._holds = [place_of(team.team, "outside_region") for team in stated if team.rules.outside_region == "hold"]
        self._region = hosting_region if self._holds else None

    @property
    def need_country(self) -> bool:
        """Whether they cannot be followed for somebody whose country is not known."""
        return bool(self.places)

    @property
    def places(self) -> list[str]:
        """Where the rules stand, in the order in which they are looked at."""
        return [*self._rules, *(self._holds if self._region is not None else ())]

    def denied_by(self, country: str | None) -> str | None:
        """Where the rule stands that forbids a country."""
        if country is None:
            return None
        return next((place for place, rule in self._rules.items() if rule.denies(country)), None)

    def outside_by(self, country: str | None) -> str | None:
        """Where it stands that contacts are held whom another hosting region serves, if a country is such a one's."""
        if self._region is None or country is None:
            return None
        return self._holds[0] if hosting_region_of(country) not in (None, self._region) else None
