"""What a team forbids its campaigns, and those of the teams below it: too many messages, days, countries, costs.

Rules only ever restrict: of a team and each above it all hold, so that a team cannot take back what one above it demands.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import Connection, text

from nightmail.channels.names import ChannelName
from nightmail.organisation.queries import AUDIENCE_RULES_ABOVE
from nightmail.organisation.subdivisions import unknown_subdivision

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
Subdivision = Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$", description="ISO 3166-2, such as DE-BY")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]
CategoryName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
LONGEST_WINDOW_DAYS = 92
LONGEST_BLACKOUT_DAYS = 31


class _Rule(BaseModel):
    """A rule that may be limited to categories and channels; a name that is not stated limits nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    categories: tuple[CategoryName, ...] = Field((), description="Holds for these alone; empty: for all")
    channels: tuple[ChannelName, ...] = Field((), description="Holds on these alone; empty: on all")

    def binds(self, category: str, channel: str) -> bool:
        """Whether it holds for a message of a category on a channel."""
        return (not self.categories or category in self.categories) and (not self.channels or channel in self.channels)


class FrequencyCap(_Rule):
    """How many campaigns may write to one contact, and to one address, within a window; urgent categories are exempt.

    Counted are the campaigns of the team that states it and of those below, in the cap's categories and on its channels.
    """

    messages: int = Field(description="How many at most")
    days: int = Field(
        ge=1, le=LONGEST_WINDOW_DAYS, description="The window: so many times 24 hours before the hand-off"
    )

    @field_validator("messages")
    @classmethod
    def _lets_something_through(cls, value: int) -> int:
        if value < 1:
            raise ValueError(
                f"a cap of {value} would hold every message: state 1 or more; to send nothing, suspend the channel"
            )
        return value


class Holidays(_Rule):
    """Nothing is sent on public holidays where the contact is, by the calendar day in the contact's time zone."""

    countries: tuple[Country, ...] = Field((), description="Of these countries alone; empty: of every country")
    subdivisions: tuple[Subdivision, ...] = Field(
        (),
        max_length=60,
        description="Where contacts are of whom the country alone is known: the holidays of these states or cantons hold for "
        "them as well; empty: the nationwide ones alone",
    )

    @field_validator("subdivisions")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            why = unknown_subdivision(each)
            if why is not None:
                raise ValueError(why)
        return value

    @model_validator(mode="after")
    def _are_of_the_countries(self) -> Holidays:
        for each in self.subdivisions:
            if self.countries and each[:2] not in self.countries:
                raise ValueError(
                    f"{each} is in none of the countries that the rule is limited to: {', '.join(self.countries)}"
                )
        return self


class BlackoutDays(_Rule):
    """Days on which nothing is sent, both edges included, by the calendar day in the contact's time zone."""

    begin: dt.date = Field(alias="from", description="The first day")
    end: dt.date = Field(alias="until", description="The last day")
    countries: tuple[Country, ...] = Field((), description="For contacts of these countries alone; empty: for all")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _is_a_span(self) -> BlackoutDays:
        if self.end < self.begin:
            raise ValueError(f"the days end ({self.end}) before they begin ({self.begin})")
        if (self.end - self.begin).days >= LONGEST_BLACKOUT_DAYS:
            raise ValueError(f"at most {LONGEST_BLACKOUT_DAYS} days in a row: suspend the channel for longer")
        return self


class CountryRule(_Rule):
    """Countries that are written to, and that are not; what any rule denies is denied."""

    allow: tuple[Country, ...] | None = Field(None, description="No other country; not stated: all that are served")
    deny: tuple[Country, ...] = Field((), description="None of these")

    @field_validator("allow")
    @classmethod
    def _allows_something(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError("an empty list allows no country: leave it out to allow all")
        return value

    def denies(self, country: str) -> bool:
        """Whether it forbids a country."""
        return country in self.deny or (self.allow is not None and country not in self.allow)


class Budget(BaseModel):
    """How much may be spent by the estimate, by currency; more waits for a person's approval before anything is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    campaign: dict[Currency, Annotated[Decimal, Field(ge=0)]] | None = Field(None, description="By one campaign")
    month: dict[Currency, Annotated[Decimal, Field(ge=0)]] | None = Field(
        None, description="By all campaigns of the team, and of those below it, that start in one calendar month (UTC)"
    )


class AudienceRules(BaseModel):
    """All rules of one team."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frequency_caps: tuple[FrequencyCap, ...] = Field((), max_length=20)
    holidays: tuple[Holidays, ...] = Field((), max_length=20)
    blackout_days: tuple[BlackoutDays, ...] = Field((), max_length=100)
    countries: tuple[CountryRule, ...] = Field((), max_length=50)
    outside_region: Literal["send", "hold"] = Field(
        "send", description="What becomes of contacts whose country another hosting region serves"
    )
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class StatedRules:
    """The rules of one team, with its path and id: they hold for it and all below."""

    team: str
    team_id: int
    rules: AudienceRules

    @property
    def version(self) -> str:
        """A short hash of what the rules say: the same rules have the same one."""
        said = json.dumps([self.team, self.rules.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class StatedCap:
    """A cap with the team that states it: campaigns of that team and of those below are counted."""

    team: str
    team_id: int
    cap: FrequencyCap
    place: str = ""
    """Where it stands (:func:`place_of`)."""


def place_of(team: str, kind: str, at: int | None = None) -> str:
    """Where a rule stands: the team that states it, the kind, and the place in its list, such as ``acme/holidays/0``."""
    return f"{team}/{kind}" if at is None else f"{team}/{kind}/{at}"


def caps_on(stated: Sequence[StatedRules], category: str, channel: str, *, urgent: bool) -> tuple[StatedCap, ...]:
    """The caps that bind messages of a category on a channel; none where the category is urgent."""
    if urgent:
        return ()
    return tuple(
        StatedCap(team.team, team.team_id, cap, place_of(team.team, "frequency_caps", at))
        for team in stated
        for at, cap in enumerate(team.rules.frequency_caps)
        if cap.binds(category, channel)
    )


def rules_above(connection: Connection, team: str) -> tuple[StatedRules, ...]:
    """Return the rules that hold for a team: its own and those of every team above it, the uppermost first."""
    rows = connection.execute(text(AUDIENCE_RULES_ABOVE), {"team": team})
    return tuple(StatedRules(row.path, row.id, AudienceRules.model_validate(row.audience)) for row in rows)


def named_categories(rules: AudienceRules) -> Iterable[str]:
    """The categories that rules name."""
    for rule in (*rules.frequency_caps, *rules.holidays, *rules.blackout_days, *rules.countries):
        yield from rule.categories
