"""The pages of teams' settings: what each states, and what holds for it from above."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import yaml
from fastapi import APIRouter, Path, Query, Request, Response

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.inventory.excerpts import team_excerpt
from nightmail.inventory.sight import sight
from nightmail.inventory.team_settings import team_with_settings, teams
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.list_places import place_of, place_text
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import gettext, marked

router = APIRouter(prefix="/settings/teams", include_in_schema=False)
PAGE = 50
Reader = Annotated[SignedIn, needs(Permission.TEAM_SEE)]
TeamPath = Annotated[str, Path(max_length=250, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]

SETTING_LABELS = {
    "openpgp": marked("OpenPGP keys of files and answers"),
    "report": marked("Where the day's delivery report is dropped"),
    "answers": marked("Feeds that answer to words"),
    "login": marked("How people log in"),
    "four_eyes": marked("When another person must approve"),
    "when_suspended": marked("What messages of a suspended channel do"),
    "shares_contacts": marked("Whether the teams below use its contacts"),
    "hold_back_s": marked("For how many seconds a send can be undone"),
    "trial_numbers": marked("Phones that tests may go to"),
    "reply_addresses": marked("How reply addresses are signed"),
    "recipient_pages": marked("How pages for recipients look"),
    "audience": marked("Caps, closed days, countries and budgets"),
}


@router.get("")
def list_of_teams(
    request: Request,
    portal: PortalState,
    me: Reader,
    stating: Annotated[str, Query()] = "",
    after: Annotated[str, Query()] = "",
) -> Response:
    """The teams that this person sees, by path."""
    values = {"stating": "yes" if stating == "yes" else ""}
    place = place_of(after)
    with portal.engine.connect() as connection:
        found = teams(
            connection,
            sight(connection, me.principal, Permission.TEAM_SEE),
            stating=bool(values["stating"]),
            after=place[0] if place else None,
            limit=PAGE + 1,
        )
    chosen = {name: value for name, value in values.items() if value}
    following = {**chosen, "after": place_text(found[PAGE - 1].path, 0)} if found[PAGE:] else None
    return render(
        request,
        "settings/teams.html",
        teams=found[:PAGE],
        labels=SETTING_LABELS,
        values=values,
        filtered=bool(chosen),
        newer=f"/settings/teams?{urlencode(chosen)}" if place else None,
        older=f"/settings/teams?{urlencode(following)}" if following else None,
    )


@router.get("/{path}")
def show_team_settings(path: TeamPath, request: Request, portal: PortalState, me: Reader) -> Response:
    """One team's settings, its own and those from above."""
    with portal.engine.connect() as connection:
        found = team_with_settings(connection, path) if allowed(me.principal, Permission.TEAM_SEE, path).yes else None
    if found is None:
        raise RequestError("not_found", what="team")
    return render(
        request,
        "settings/team.html",
        team=found.team,
        above=found.above,
        held=[
            (
                gettext(SETTING_LABELS.get(each.name, each.name)),
                _shown(each.value) if allowed(me.principal, Permission.TEAM_SEE, each.stated_by).yes else None,
                each,
            )
            for each in found.held
        ],
        text=team_excerpt(found.team, found.above),
    )


def _shown(value: Any) -> str:
    """A setting's value as the file would say it."""
    if isinstance(value, dict):
        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).strip()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
