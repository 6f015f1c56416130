"""The pages of suspensions: list, one of them with what waits, lifting it, and suspending a channel by hand."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.campaigns.suspension_lists import (
    CAMPAIGNS,
    COUNTED,
    WaitingCampaign,
    seen_suspension,
    seen_suspensions,
    waiting_campaigns,
)
from nightmail.campaigns.suspensions import SuspensionRow, lift_suspension, suspend_channel
from nightmail.channels import CHANNELS
from nightmail.errors import NightmailError, UsageError
from nightmail.forecasts.recorded_forecasts import renew_forecasts
from nightmail.organisation.team_settings import falls_when_suspended
from nightmail.organisation.teams import team_id_of
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.actors import actor_names
from portal.web.channel_words import channel_choices, channel_label
from portal.web.messages import redirect
from portal.web.navigation import is_offered
from portal.web.refusals import at_its_field
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, needs
from portal.web.taken_lists import Rows, taken_list
from portal.web.translating import gettext

router = APIRouter(include_in_schema=False)
PAGE = 50
LONGEST_REASON = 200
LONGEST_WHY = 500
SuspensionNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]
Place = Annotated[str, Query(pattern=r"^[0-9]{0,10}$")]
Typed = Annotated[str, Query(max_length=250)]
Suspender = Annotated[SignedIn, needs(Permission.CHANNEL_SUSPEND)]
FIELDS = {"team_unknown": "team", "not_permitted": "team"}


@router.get("/suspensions")
def list_of_suspensions(
    request: Request,
    portal: PortalState,
    me: Suspender,
    state: Typed = "",
    team: Typed = "",
    channel: Typed = "",
    after: Place = "",
) -> Response:
    """Suspensions in force, or those that are over; the newest first."""
    chosen = _chosen(state, team, channel)
    with portal.engine.connect() as connection:
        rows = _rows(connection, me, chosen, int(after) if after else None, PAGE + 1)
        names = actor_names(connection, [who for row in rows for who in (row.by, row.lifted_by) if who])
    shown = rows[:PAGE]
    following = {**chosen, "after": str(shown[-1].id)} if rows[PAGE:] else None
    return render(
        request,
        "suspensions/list.html",
        rows=[(row, channel_label(row.channel)) for row in shown],
        names=names,
        over=chosen.get("state") == "over",
        values={"state": "", "team": "", "channel": ""} | chosen,
        channels=channel_choices(),
        filtered=bool(chosen.keys() - {"state"}),
        clear="/suspensions" + ("?state=over" if "state" in chosen else ""),
        newer=f"/suspensions?{urlencode(chosen)}" if after else None,
        older=f"/suspensions?{urlencode(following)}" if following else None,
        export=f"/suspensions.csv?{urlencode(chosen)}",
    )


@router.get("/suspensions.csv")
def export(
    request: Request, portal: PortalState, me: Suspender, state: Typed = "", team: Typed = "", channel: Typed = ""
) -> Response:
    """The list with these filters as CSV."""
    chosen = _chosen(state, team, channel)
    header = (
        "Id",
        "Channel",
        "Team",
        "Account",
        "Sender",
        "Why",
        "By",
        "Since",
        "Lifted at",
        "Lifted by",
        "Lifted why",
    )

    def read(connection: Connection) -> Rows:
        place = None
        while rows := _rows(connection, me, chosen, place, 1000):
            for row in rows:
                what = (row.id, row.channel, row.team, row.carrier_account, row.sender, row.reason, row.by, row.since)
                yield (*what, row.lifted_at, row.lifted_by, row.lifted_why)
            place = rows[-1].id

    return taken_list(request, portal, me, Permission.CHANNEL_SUSPEND, "suspensions", header, read, chosen)


@router.get("/suspensions/new")
def suspending_form(request: Request, me: Suspender) -> Response:
    """The form by which a channel is suspended."""
    return _suspending(request, me, {"team": me.teams(Permission.CHANNEL_SUSPEND)[0]})


@router.post("/suspensions/new")
def suspend(request: Request, portal: PortalState, me: Suspender, form: FormSent) -> Response:
    """First show what waits then, and once that was seen suspend the channel."""
    channel, team, reason = form.value("channel", 30), form.value("team", 250), form.value("reason")
    errors = {}
    if channel not in CHANNELS:
        errors["channel"] = gettext("Choose a channel.")
    if not 1 <= len(reason) <= LONGEST_REASON:
        errors["reason"] = gettext("Say why, in at most 200 characters.")
    if errors:
        return _suspending(request, me, form.as_typed(), errors)
    try:
        with portal.engine.connect() as connection:
            team_id = _team(connection, me, team)
            if form.value("seen") != f"{channel}:{team}":
                waiting = waiting_campaigns(connection, channel, team_id, teams=me.teams(Permission.CHANNEL_SUSPEND))
                falls = bool(team) and falls_when_suspended(connection, team, channel)
                return _suspending(request, me, form.as_typed(), {}, waiting, falls)
    except NightmailError as error:
        return _suspending(request, me, form.as_typed(), at_its_field(error, FIELDS))
    row = suspend_channel(portal.engine, channel, reason=reason, by=me.principal.actor, team_id=team_id)
    if (row.by, row.reason) != (me.principal.actor, reason):
        said = gettext("It was suspended before: see here since when, by whom and why. Nothing was changed.")
        return redirect(request, f"/suspensions/{row.id}", said, "warn")
    return redirect(
        request, f"/suspensions/{row.id}", gettext("The channel is suspended: nothing more goes out over it.")
    )


@router.get("/suspensions/{suspension_id}")
def show_suspension(suspension_id: SuspensionNumber, request: Request, portal: PortalState, me: Suspender) -> Response:
    """One suspension: what is not used, since when, by whom and why, what waits, and lifting it."""
    return _page(request, portal, me, suspension_id, {}, {})


@router.post("/suspensions/{suspension_id}/lift")
def lift(
    suspension_id: SuspensionNumber, request: Request, portal: PortalState, me: Suspender, form: FormSent
) -> Response:
    """Use the channel again; says when another was quicker."""
    with portal.engine.connect() as connection:
        row = _seen(connection, me, suspension_id)
    if not _may_lift(me, row):
        raise RequestError("not_found", what="suspension")
    why = form.value("why", LONGEST_WHY)
    if not why:
        errors = {"why": gettext("Say why it is used again.")}
        return _page(request, portal, me, suspension_id, form.as_typed(), errors)
    try:
        channel = lift_suspension(portal.engine, suspension_id, by=me.principal.actor, why=why)
    except UsageError:
        said = gettext("It had been lifted meanwhile: see here by whom and why. Nothing was changed.")
        return redirect(request, f"/suspensions/{suspension_id}", said, "warn")
    renew_forecasts(portal.engine, channel)
    return redirect(request, f"/suspensions/{suspension_id}", gettext("It is lifted: what waited goes out again."))


def _chosen(state: str, team: str, channel: str) -> dict[str, str]:
    chosen = {
        "state": "over" if state == "over" else "",
        "team": team.replace("\x00", "").strip(),
        "channel": channel if channel in CHANNELS else "",
    }
    return {name: value for name, value in chosen.items() if value}


def _rows(
    connection: Connection, me: SignedIn, chosen: dict[str, str], place: int | None, limit: int
) -> list[SuspensionRow]:
    return seen_suspensions(
        connection,
        teams=me.teams(Permission.CHANNEL_SUSPEND),
        team=chosen.get("team"),
        channel=chosen.get("channel"),
        over=chosen.get("state") == "over",
        before_id=place,
        limit=limit,
    )


def _seen(connection: Connection, me: SignedIn, suspension_id: int) -> SuspensionRow:
    try:
        return seen_suspension(connection, suspension_id, teams=me.teams(Permission.CHANNEL_SUSPEND))
    except UsageError:
        raise RequestError("not_found", what="suspension") from None


def _may_lift(me: SignedIn, row: SuspensionRow) -> bool:
    return allowed(me.principal, Permission.CHANNEL_SUSPEND, row.team or "").yes


def _team(connection: Connection, me: SignedIn, path: str) -> int | None:
    """The id of a team at which channels may be suspended; ``None``, all teams, for an empty path."""
    require(me.principal, Permission.CHANNEL_SUSPEND, path)
    return team_id_of(connection, path) if path else None


def _page(
    request: Request,
    portal: Portal,
    me: SignedIn,
    suspension_id: int,
    values: dict[str, str],
    errors: dict[str, str],
) -> Response:
    teams = me.teams(Permission.CHANNEL_SUSPEND)
    with portal.engine.connect() as connection:
        row = _seen(connection, me, suspension_id)
        names = actor_names(connection, [who for who in (row.by, row.lifted_by) if who])
        waiting = [] if row.lifted_at else waiting_campaigns(connection, row.channel, row.team_id, teams=teams)
    return render(
        request,
        "suspensions/suspension.html",
        422 if errors else 200,
        row=row,
        label=channel_label(row.channel),
        names=names,
        may_lift=row.lifted_at is None and _may_lift(me, row),
        **_waiting_words(me, waiting),
        values=values,
        errors=errors,
    )


def _suspending(
    request: Request,
    me: SignedIn,
    values: dict[str, str],
    errors: dict[str, str] | None = None,
    waiting: list[WaitingCampaign] | None = None,
    falls: bool = False,
) -> Response:
    teams = me.teams(Permission.CHANNEL_SUSPEND)
    return render(
        request,
        "suspensions/new.html",
        422 if errors else 200,
        values=values,
        errors=errors or {},
        teams=teams,
        for_all="" in teams,
        channels=[(name, channel_label(name)) for name in CHANNELS],
        looked=waiting is not None,
        channel=channel_label(values.get("channel", "")),
        falls=falls,
        **_waiting_words(me, waiting or []),
    )


def _waiting_words(me: SignedIn, waiting: list[WaitingCampaign]) -> dict[str, Any]:
    return {
        "waiting": waiting,
        "more_campaigns": len(waiting) == CAMPAIGNS,
        "counted": COUNTED,
        "total": sum(each.messages for each in waiting),
        "bounded": len(waiting) == CAMPAIGNS or any(each.messages == COUNTED for each in waiting),
        "campaigns": is_offered(me, "/campaigns"),
    }
