"""What a report's address asks for: days by name or by date, a team, a feed, a campaign; and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.errors import NightmailError
from nightmail.reports.periods import PERIODS, days_of
from nightmail.reports.stored_figures import Asked, ask
from portal.web.refusals import sentence_of
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext

ADDRESS = "/reports"
Typed = Annotated[str, Query(max_length=400)]


@dataclass(frozen=True)
class Wanted:
    """What was typed or chosen; the address of a report says all of it."""

    period: str
    since: str
    until: str
    team: str
    feed: str
    campaign: str
    compare: str

    @property
    def values(self) -> dict[str, str]:
        """What fields of the page hold."""
        return {
            "since": self.since,
            "until": self.until,
            "team": self.team,
            "feed": self.feed,
            "campaign": self.campaign,
            "compare": self.compare,
        }

    @property
    def compared(self) -> bool:
        """Whether the days before are shown beside."""
        return self.compare != "no"

    def address(self, path: str = ADDRESS, **changes: str) -> str:
        """The address of the same with ``changes``; an empty one leaves something out."""
        days = {"since": self.since, "until": self.until} if self.period == "days" else {"period": self.period}
        kept = {**days, "team": self.team, "feed": self.feed, "campaign": self.campaign, "compare": self.compare}
        chosen = {name: value for name, value in {**kept, **changes}.items() if value}
        return f"{path}?{urlencode(chosen)}" if chosen else path

    def of_period(self, period: str) -> str:
        """The address of the same for another period."""
        return self.address(period=period, since="", until="")


def wanted(
    period: Typed = "",
    since: Typed = "",
    until: Typed = "",
    team: Typed = "",
    feed: Typed = "",
    campaign: Typed = "",
    compare: Annotated[str, Query(pattern="^(no)?$")] = "",
) -> Wanted:
    """What the query says; days that are typed win over a period's name."""
    typed = [each.replace("\x00", "").strip() for each in (period, since, until, team, feed, campaign)]
    period, since, until, team, feed, campaign = typed
    if since or until:
        period = "days"
    elif period not in PERIODS:
        period = "last_7_days"
    return Wanted(period, since, until, team, feed, campaign, compare)


WantedReport = Annotated[Wanted, Depends(wanted)]


@dataclass(frozen=True)
class Understood:
    """What is asked for, or what is wrong; with the status of the answer."""

    asked: Asked | None
    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200


def understood(connection: Connection, me: SignedIn, report: Wanted, permission: Permission) -> Understood:
    """What was typed as the domain asks for it, within what this person may see."""
    today = dt.datetime.now(dt.UTC).date()
    errors: dict[str, str] = {}
    if report.period == "days":
        days = {}
        for name, typed in (("since", report.since or report.until), ("until", report.until or report.since)):
            try:
                days[name] = dt.date.fromisoformat(typed)
            except ValueError:
                errors[name] = gettext("Give a date such as 2027-01-31, or leave it empty.")
        if errors:
            return Understood(None, errors, 422)
        since, until = days["since"], days["until"]
    else:
        since, until = days_of(report.period, today)
    names = {"team": report.team or None, "feed": report.feed or None, "campaign": report.campaign or None}
    try:
        return Understood(ask(connection, me.principal, since, until, permission=permission, **names))
    except NightmailError as error:
        unknown = error.reason == "report_of_nothing"
        name = str(error.detail["what"]) if unknown else "since"
        return Understood(None, {name: sentence_of(error)}, 404 if unknown else 422)
