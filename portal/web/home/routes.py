"""Home: how things stand for this person, what is wrong first; and the keys that lead to pages."""

from __future__ import annotations

from typing import Annotated, Any

from babel.dates import format_date
from fastapi import APIRouter, Request, Response

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import list_alerts
from nightmail.forecasts.recorded_forecasts import recorded_forecast
from nightmail.reports.at_a_glance import AccountHealth, Glance, at_a_glance
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.charts import Chart, Series, stacked_bars
from portal.web.formats import LOCALES
from portal.web.home.troubles import needs_of, troubles_of
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, anyone_signed_in
from portal.web.translating import gettext, spoken_language

router = APIRouter(include_in_schema=False)
Me = Annotated[SignedIn, anyone_signed_in]
ALERTS_SHOWN = 4
_BARS = (
    ("delivered", ("delivered",)),
    ("under-way", ("under_way",)),
    ("undelivered", ("undelivered", "in_doubt")),
    ("failed", ("failed",)),
    ("held", ("held", "not_sent")),
)
"""The parts of a day's bar, and the outcomes of the delivery report that each stands for."""


@router.get("/")
def home(request: Request, portal: PortalState, me: Me) -> Response:
    """How things stand, for who may see campaigns; for others the pages that they may open."""
    if not me.may(Permission.CAMPAIGN_SEE):
        return render(request, "home/choice.html", me=me)
    values = _now(portal, me)
    glance: Glance = values["glance"]
    return render(request, "home/home.html", me=me, chart=_chart(glance), **values)


@router.get("/now")
def now(request: Request, portal: PortalState, me: Me) -> Response:
    """What changes by itself, for a page that is open."""
    if not me.may(Permission.CAMPAIGN_SEE):
        raise RequestError("not_found", what="page")
    return render(request, "home/now.html", etag=True, **_now(portal, me))


@router.get("/keys")
def keys(request: Request, me: Me) -> Response:
    """Which keys lead where."""
    return render(request, "home/keys.html", me=me)


def _now(portal: Portal, me: SignedIn) -> dict[str, Any]:
    alert_teams = me.teams(Permission.ALERT_SEE)
    with portal.engine.connect() as connection:
        glance = at_a_glance(connection, me.teams(Permission.CAMPAIGN_SEE), feed_teams=me.teams(Permission.FEED_SEE))
        alerts = []
        if alert_teams:
            of_all = me.may_for_all(Permission.ALERT_SEE)
            alerts = list_alerts(connection, teams=alert_teams, and_of_all=of_all, limit=ALERTS_SHOWN + 1)
    return {
        "glance": glance,
        "troubles": troubles_of(me, glance, alerts),
        "needs": needs_of(me),
        "endings": {each.row.id: recorded_forecast(each.row) for each in glance.now},
        "channels": _channels(me, glance),
        "today": glance.days[-1],
        "moves": bool(glance.states.keys() & {"received", "checking", "sending"}),
    }


def _channels(me: SignedIn, glance: Glance) -> list[dict[str, Any]]:
    """Each channel with how it is, and its accounts where they may be seen by name."""
    found: dict[str, dict[str, Any]] = {}
    for account in glance.accounts:
        channel = found.setdefault(
            account.channel,
            {"name": account.channel, "tone": "good", "accounts": [], "used_at": None, "suspensions": []},
        )
        if account.moved_percent or account.blocked_until:
            channel["tone"] = "warn"
        if account.used_at and (channel["used_at"] is None or account.used_at > channel["used_at"]):
            channel["used_at"] = account.used_at
        if _may_name(me, account):
            channel["accounts"].append(account)
    for suspension in glance.suspensions:
        channel = found.setdefault(
            suspension.channel,
            {"name": suspension.channel, "tone": "good", "accounts": [], "used_at": None, "suspensions": []},
        )
        channel["tone"] = "bad" if suspension.carrier_account_id is None and suspension.sender is None else "warn"
        channel["suspensions"].append(suspension)
    return list(found.values())


def _may_name(me: SignedIn, account: AccountHealth) -> bool:
    if account.team is None:
        return me.may_for_all(Permission.CARRIER_SEE)
    return allowed(me.principal, Permission.CARRIER_SEE, account.team).yes


def _chart(glance: Glance) -> Chart | None:
    """The last days as bars; ``None`` while no day has anything."""
    if not any(day.outcomes for day in glance.days):
        return None
    labels = {
        "delivered": gettext("Delivered"),
        "under-way": gettext("Under way"),
        "undelivered": gettext("Undelivered"),
        "failed": gettext("Failed"),
        "held": gettext("Held or not sent"),
    }
    language = spoken_language()
    days = [format_date(day.day, "EEE d MMM", locale=LOCALES.get(language, language)) for day in glance.days]
    series = [
        Series(key, labels[key], [sum(day.outcomes.get(name, 0) for name in names) for day in glance.days])
        for key, names in _BARS
    ]
    return stacked_bars(days, series)
