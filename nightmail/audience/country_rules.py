"""Which countries may be written to on a channel: what teams allow and deny, and what a hosting region serves."""

from __future__ import annotations

from collections.abc import Sequence

from nightmail.organisation.audience_rules import StatedRules
from nightmail.organisation.served_countries import hosting_region_of


class CountryRules:
    """The country rules that bind one category on one channel; what any of them denies is denied."""

    def __init__(self, stated: Sequence[StatedRules], category: str, channel: str, hosting_region: str | None) -> None:
        self._rules = [rule for team in stated for rule in team.rules.countries if rule.binds(category, channel)]
        held = any(team.rules.outside_region == "hold" for team in stated)
        self._region = hosting_region if held else None

    @property
    def need_country(self) -> bool:
        """Whether they cannot be followed for somebody whose country is not known."""
        return bool(self._rules) or self._region is not None

    def denies(self, country: str | None) -> bool:
        """Whether a team's rule forbids a country."""
        return country is not None and any(rule.denies(country) for rule in self._rules)

    def is_outside(self, country: str | None) -> bool:
        """Whether another hosting region serves a country, and the team holds back whoever is from there."""
        if self._region is None or country is None:
            return False
        return hosting_region_of(country) not in (None, self._region)
