"""The pages of teams: the tree, and one team."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Connection

from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.organisation.team_tree import TeamInTree, team_in_tree, teams_below, top_teams
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.rendering import render
from portal.web.signed_in import SignedIn, needs
from portal.web.translating import ngettext

router = APIRouter(prefix="/teams", include_in_schema=False)
PAGE = 100
Reader = Annotated[SignedIn, needs(Permission.TEAM_SEE)]
TeamPath = Annotated[str, Path(max_length=250, pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]


@dataclass
class Node:
    """A team as the tree shows it."""

    name: str
    address: str
    note: str
    open: bool = True
    children: list[Node] = field(default_factory=list)


@router.get("")
def tree_of_teams(
    request: Request, portal: PortalState, me: Reader, after: Annotated[str, Query(max_length=250)] = ""
) -> Response:
    """The topmost teams that this person sees, with those directly below."""
    with portal.engine.connect() as connection:
        tops = top_teams(connection, me.teams(Permission.TEAM_SEE), after, PAGE + 1)
        nodes, cut = _tree(connection, tops[:PAGE])
    return render(
        request,
        "teams/tree.html",
        nodes=nodes,
        cut=cut,
        newer="/teams" if after else None,
        older=f"/teams?{urlencode({'after': tops[PAGE - 1].path})}" if tops[PAGE:] else None,
    )


@router.get("/{path}")
def show_team(
    path: TeamPath, request: Request, portal: PortalState, me: Reader, after: Annotated[str, Query(max_length=250)] = ""
) -> Response:
    """One team: what it states, and the teams below it."""
    with portal.engine.connect() as connection:
        team = team_in_tree(connection, path) if allowed(me.principal, Permission.TEAM_SEE, path).yes else None
        if team is None:
            raise RequestError("not_found", what="team")
        below = teams_below(connection, [team.id], after, PAGE + 1)
        nodes, cut = _tree(connection, below[:PAGE])
    upper = [path for path in team.upper_paths if allowed(me.principal, Permission.TEAM_SEE, path).yes]
    return render(
        request,
        "teams/team.html",
        team=team,
        upper=upper,
        nodes=nodes,
        cut=cut,
        me=me,
        newer=f"/teams/{path}" if after else None,
        older=f"/teams/{path}?{urlencode({'after': below[PAGE - 1].path})}" if below[PAGE:] else None,
    )


def _tree(connection: Connection, teams: list[TeamInTree]) -> tuple[list[Node], bool]:
    """Teams with those directly below, and whether some of these are left out for their number."""
    parents = {team.path: _node(team) for team in teams}
    below = teams_below(connection, [team.id for team in teams if team.below], limit=PAGE + 1)
    for team in below[:PAGE]:
        parents[team.path.rpartition(".")[0]].children.append(_node(team))
    return list(parents.values()), len(below) > PAGE


def _node(team: TeamInTree) -> Node:
    notes = [team.path]
    if team.below:
        notes.append(ngettext("%(count)d team below", "%(count)d teams below", team.below) % {"count": team.below})
    if team.feeds:
        notes.append(ngettext("%(count)d feed", "%(count)d feeds", team.feeds) % {"count": team.feeds})
    return Node(team.name, f"/teams/{team.path}", " · ".join(notes))
