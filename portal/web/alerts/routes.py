"""The pages of alerts: list, one alert, closing one or several."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import AlertRow, close_alerts, list_alerts, visible_alerts
from nightmail.errors import UsageError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.alerts.words import alert_title, alert_to_do, is_reason, next_step, reason_options
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext, ngettext

router = APIRouter(include_in_schema=False)
PAGE = 50
AT_ONCE = 100
"""Alerts that are closed by one form."""
LONGEST_WHY = 500
AlertNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Place = Annotated[str, Query(pattern=r"^[0-9]{0,10}$")]
Typed = Annotated[str, Query(max_length=250)]
Reader = Annotated[SignedIn, needs(Permission.ALERT_SEE)]
Closer = Annotated[SignedIn, needs(Permission.ALERT_CLOSE)]


@router.get("/alerts")
def list_of_alerts(
    request: Request,
    portal: PortalState,
    me: Reader,
    state: Typed = "",
    team: Typed = "",
    reason: Typed = "",
    after: Place = "",
) -> Response:
    """Alerts that are open, or those that are over; the newest first."""
    chosen = _chosen(state, team, reason)
    with portal.engine.connect() as connection:
        rows = _rows(connection, me, chosen, int(after) if after else None, PAGE + 1)
        names = actor_names(connection, [row.closed_by for row in rows if row.closed_by])
    shown = rows[:PAGE]
    following = {**chosen, "after": str(shown[-1].id)} if rows[PAGE:] else None
    return render(
        request,
        "alerts/list.html",
        rows=[(row, alert_title(row), next_step(row, me)) for row in shown],
        names=names,
        over=chosen.get("state") == "over",
        values={"state": "", "team": "", "reason": ""} | chosen,
        reasons=[("", gettext("All kinds")), *reason_options()],
        filtered=bool(chosen.keys() - {"state"}),
        clear="/alerts" + ("?state=over" if "state" in chosen else ""),
        may_close=me.may(Permission.ALERT_CLOSE),
        newer=f"/alerts?{urlencode(chosen)}" if after else None,
        older=f"/alerts?{urlencode(following)}" if following else None,
        export=f"/alerts.csv?{urlencode(chosen)}",
    )


@router.get("/alerts.csv")
def export(
    request: Request, portal: PortalState, me: Reader, state: Typed = "", team: Typed = "", reason: Typed = ""
) -> Response:
    """The list with these filters as CSV."""
    chosen = _chosen(state, team, reason)
    header = (
        "Id",
        "Reason",
        "Alert",
        "Team",
        "Campaign",
        "Since",
        "Last raised",
        "Times",
        "Over since",
        "Closed by",
        "Why",
    )

    def read(connection: Connection) -> Rows:
        place = None
        while rows := _rows(connection, me, chosen, place, 1000):
            for row in rows:
                times = (row.since, row.last_at, row.times, row.closed_at)
                yield (row.id, row.reason, row.message, row.team, row.campaign, *times, row.closed_by, row.closed_why)
            place = rows[-1].id

    return taken_list(request, portal, me, Permission.ALERT_SEE, "alerts", header, read, chosen)


@router.get("/alerts/close")
def ask_to_close(
    request: Request,
    portal: PortalState,
    me: Closer,
    alert: Annotated[list[str], Query()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """What closing the chosen alerts means."""
    if not alert:
        return _nothing_ticked(request)
    return _closing(request, portal, me, alert, {}, {})


@router.post("/alerts/close")
def close_chosen(request: Request, portal: PortalState, me: Closer, form: FormSent) -> Response:
    """Close one or several alerts, all or none; says which were closed by another meanwhile."""
    why = form.value("why", LONGEST_WHY)
    if not form.values("alert"):
        return _nothing_ticked(request)
    with portal.engine.begin() as connection:
        there = _those(connection, me, form.values("alert"))
        rows = close_alerts(connection, [row.id for row in there], actor=me.principal.actor, why=why)
        others = [row for row in rows if row.closed_by != me.principal.actor]
        names = actor_names(connection, [row.closed_by for row in others if row.closed_by])
    closed = len(rows) - len(others)
    said = ngettext("%(num)d alert is closed.", "%(num)d alerts are closed.", closed) % {"num": closed}
    if others:
        who = sorted({names[row.closed_by] if row.closed_by else gettext("its cause, which is over") for row in others})
        meanwhile = ngettext(
            "%(num)d had been closed meanwhile: %(who)s.", "%(num)d had been closed meanwhile: %(who)s.", len(others)
        )
        said += " " + meanwhile % {"num": len(others), "who": ", ".join(who)}
    return redirect(request, "/alerts", said, "warn" if others else "good")


@router.get("/alerts/{alert_id}")
def show_alert(alert_id: AlertNumber, request: Request, portal: PortalState, me: Reader) -> Response:
    """One alert: what happened, what to do, and who closed it."""
    with portal.engine.connect() as connection:
        (row,) = _visible(connection, me, [alert_id], Permission.ALERT_SEE)
        names = actor_names(connection, [row.closed_by] if row.closed_by else [])
        closable = row.closed_at is None and me.may(Permission.ALERT_CLOSE) and _may_close(connection, me, alert_id)
    return render(
        request,
        "alerts/alert.html",
        row=row,
        title=alert_title(row),
        to_do=alert_to_do(row),
        step=next_step(row, me),
        closed_by=names.get(row.closed_by or "", row.closed_by),
        closable=closable,
        campaigns=is_offered(me, "/campaigns"),
        values={},
        errors={},
    )


def _nothing_ticked(request: Request) -> Response:
    return redirect(request, "/alerts", gettext("Tick the alerts to be closed first."), "warn")


def _chosen(state: str, team: str, reason: str) -> dict[str, str]:
    reason = reason.strip() if is_reason(reason.strip()) else ""
    chosen = {"state": "over" if state == "over" else "", "team": team.replace("\x00", "").strip(), "reason": reason}
    return {name: value for name, value in chosen.items() if value}


def _rows(
    connection: Connection, me: SignedIn, chosen: dict[str, str], place: int | None, limit: int
) -> list[AlertRow]:
    over = chosen.get("state") == "over"
    return list_alerts(
        connection,
        teams=me.teams(Permission.ALERT_SEE),
        team=chosen.get("team"),
        and_of_all=me.may_for_all(Permission.ALERT_SEE) and "team" not in chosen,
        closed=over,
        opened=not over,
        reason=chosen.get("reason"),
        before_id=place,
        limit=limit,
    )


def _visible(connection: Connection, me: SignedIn, numbers: list[int], permission: Permission) -> list[AlertRow]:
    try:
        return visible_alerts(connection, numbers, teams=me.teams(permission), and_of_all=me.may_for_all(permission))
    except UsageError:
        raise RequestError("not_found", what="alert") from None


def _may_close(connection: Connection, me: SignedIn, alert_id: int) -> bool:
    try:
        _visible(connection, me, [alert_id], Permission.ALERT_CLOSE)
    except RequestError:
        return False
    return True


def _those(connection: Connection, me: SignedIn, typed: list[str]) -> list[AlertRow]:
    """The alerts that a form names, each one that this person sees and may close."""
    numbers = sorted({int(each) for each in typed[:AT_ONCE] if each.isascii() and each.isdigit() and len(each) <= 9})
    if not numbers:
        raise RequestError("not_found", what="alert")
    _visible(connection, me, numbers, Permission.ALERT_SEE)
    return _visible(connection, me, numbers, Permission.ALERT_CLOSE)


def _closing(
    request: Request, portal: Portal, me: SignedIn, typed: list[str], values: dict[str, Any], errors: dict[str, str]
) -> Response:
    with portal.engine.connect() as connection:
        rows = _those(connection, me, typed)
    still = [row for row in rows if row.closed_at is None]
    return render(
        request,
        "alerts/close.html",
        rows=[(row, alert_title(row)) for row in still],
        over=len(rows) - len(still),
        values=values,
        errors=errors,
    )
