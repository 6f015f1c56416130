"""The filters of the list of messages: what stands in the address, as the domain takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from nightmail.channels import CHANNELS
from nightmail.recipients.lookup import Recipient, RecipientKind
from nightmail.recipients.message_lists import MOST_DAYS, MessageFilter, MessagePlace, Scope
from portal.web.signed_in import SignedIn
from portal.web.stated_days import beginning_of_day, end_of_day
from portal.web.translating import gettext, ngettext

Typed = Annotated[str, Query(max_length=400)]
_PLACE = re.compile(r"([0-9]{1,17})-([0-9]{1,19})")
_RECIPIENT = re.compile(r"(address|contact)-([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    def place(self) -> MessagePlace | None:
        """Where the page begins; ``None``: at the list's beginning."""
        match = _PLACE.fullmatch(self.after)
        if match is None:
            return None
        return MessagePlace(_EPOCH + timedelta(microseconds=int(match[1])), min(int(match[2]), 2**62))

    def address(self, path: str, **changed: str) -> str:
        """``path`` with the filters; ``changed`` are others in their place."""
        query = {name: value for name, value in {**self.chosen, **changed}.items() if value}
        return path + (f"?{urlencode(query)}" if query else "")

    def after_place(self, place: MessagePlace) -> str:
        """The address of the page after a place."""
        microseconds = (place.at - _EPOCH) // timedelta(microseconds=1)
        return self.address("/messages", after=f"{max(microseconds, 0)}-{place.key}")


def asked(
    campaign: Typed = "",
    team: Typed = "",
    channel: Typed = "",
    state: Typed = "",
    delivery: Typed = "",
    reason: Typed = "",
    country: Typed = "",
    feed: Typed = "",
    recipient: Typed = "",
    since: Typed = "",
    until: Typed = "",
    after: Annotated[str, Query()] = "",
) -> Asked:
    """The filters of a request, without signs that no text has."""
    typed = {
        "campaign": campaign,
        "team": team,
        "channel": channel,
        "state": state,
        "delivery": delivery,
        "reason": reason,
        "country": country.upper(),
        "feed": feed,
        "recipient": recipient,
        "since": since,
        "until": until,
    }
    return Asked({name: value.replace("\x00", "").strip() for name, value in typed.items()}, after)


Filters = Annotated[Asked, Depends(asked)]


def wanted_by(me: SignedIn, filters: Asked) -> tuple[MessageFilter, dict[str, str]]:
    """What is wanted, and what is wrong with what was typed."""
    values, errors = filters.values, dict[str, str]()
    moments: dict[str, datetime | None] = {"since": None, "until": None}
    for name, reading in (("since", beginning_of_day), ("until", end_of_day)):
        try:
            moments[name] = reading(values[name], me.zone)
        except ValueError:
            errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
    match = _RECIPIENT.fullmatch(values["recipient"])
    wanted = MessageFilter(
        campaign=values["campaign"] or None,
        recipient=None if match is None else Recipient(RecipientKind(match[1]), match[2]),
        team=values["team"] or None,
        channel=values["channel"] if values["channel"] in CHANNELS else None,
        state=values["state"] or None,
        delivery=values["delivery"] or None,
        reason=values["reason"] or None,
        country=values["country"] or None,
        feed=values["feed"] or None,
        since=moments["since"],
        until=moments["until"],
    )
    if wanted.scope is Scope.DAYS and not errors:
        errors |= _days_wrong(wanted)
    return wanted, errors


def _days_wrong(wanted: MessageFilter) -> dict[str, str]:
    """What is wrong with days that bound a list by themselves."""
    if wanted.since is None or wanted.until is None:
        return {}
    if wanted.until <= wanted.since:
        return {"until": gettext("The last day is before the first.")}
    if wanted.until - wanted.since > timedelta(days=MOST_DAYS, hours=1):
        sentence = ngettext(
            "Without a campaign or a recipient, choose at most %(days)s day.",
            "Without a campaign or a recipient, choose at most %(days)s days.",
            MOST_DAYS,
        )
        return {"until": sentence % {"days": MOST_DAYS}}
    return {}
