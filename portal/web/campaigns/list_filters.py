"""The filters of the list of campaigns: what stands in the address, as the domain takes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_lists import CampaignFilter, CampaignOrder, CampaignPlace
from nightmail.channels import CHANNELS
from nightmail.store.states import CampaignState
from portal.web.campaigns.words import STATE_GROUPS
from portal.web.list_places import place_of, place_text
from portal.web.signed_in import SignedIn
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.translating import gettext

Typed = Annotated[str, Query(max_length=400)]


@dataclass(frozen=True)
class Asked:
    """What the address asks for, as it was typed."""

    values: dict[str, str]
    after: str

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set."""
        return {name: value for name, value in self.values.items() if value}

    @property
    def order(self) -> CampaignOrder:
        """The order of the list: the newest first where none is asked for."""
        wanted = self.values["order"]
        return CampaignOrder(wanted) if wanted in set(CampaignOrder) else CampaignOrder.NEWEST

    @property
    def place(self) -> CampaignPlace | None:
        """Where the page begins; ``None``: at the list's beginning."""
        found = place_of(self.after)
        if found is None:
            return None
        try:
            changed_at = datetime.fromisoformat(found[0])
        except ValueError:
            return None
        return CampaignPlace(found[1], changed_at) if changed_at.tzinfo else None

    def address(self, path: str, **changed: str) -> str:
        """``path`` with the filters; ``changed`` are others in their place."""
        query = {name: value for name, value in {**self.chosen, **changed}.items() if value}
        return path + (f"?{urlencode(query)}" if query else "")

    def after_row(self, place: CampaignPlace) -> str:
        """The address of the page after a campaign."""
        return self.address("/campaigns", after=place_text(place.changed_at.isoformat(), place.id))


def asked(
    team: Typed = "",
    feed: Typed = "",
    state: Typed = "",
    channel: Typed = "",
    since: Typed = "",
    until: Typed = "",
    search: Typed = "",
    order: Typed = "",
    after: Annotated[str, Query()] = "",
) -> Asked:
    """The filters of a request, without signs that no text has."""
    typed = {
        "team": team,
        "feed": feed,
        "state": state,
        "channel": channel,
        "since": since,
        "until": until,
        "search": search,
        "order": order,
    }
    return Asked({name: value.replace("\x00", "").strip() for name, value in typed.items()}, after)


Filters = Annotated[Asked, Depends(asked)]


def wanted_by(me: SignedIn, filters: Asked) -> tuple[CampaignFilter, dict[str, str]]:
    """What is wanted, within what this person may see; and what is wrong with what was typed."""
    values, errors = filters.values, dict[str, str]()
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moments[name] = reading(values[name], me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
    states = STATE_GROUPS.get(values["state"], ())
    if not states and values["state"] in set(CampaignState):
        states = (CampaignState(values["state"]),)
    return CampaignFilter(
        teams=me.teams(Permission.CAMPAIGN_SEE),
        team=values["team"] or None,
        feed=values["feed"] or None,
        states=states,
        channel=values["channel"] if values["channel"] in CHANNELS else None,
        since=moments["since"],
        until=moments["until"],
        search=values["search"] or None,
    ), errors
