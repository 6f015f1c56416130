"""The one decision: may this principal do that at this team? Asked by API, pages and commands.

What a principal may do is the union of what it holds; nothing is taken away by a grant. What is held at a team holds for
every team below it.

>>> allowed(principal, Permission.CAMPAIGN_SEE, "acme.billing").yes
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, Held, Principal
from nightmail.errors import NightmailError
from nightmail.organisation.teams import is_at_or_below, top_team_paths


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, the grants that say yes, and the reason's code: ``access_held``, ``access_elsewhere``, ``access_missing``."""

    yes: bool
    by: tuple[Held, ...]
    why: str


def allowed(principal: Principal, permission: Permission, team: str) -> Decision:
    """Whether ``principal`` has ``permission`` at the team of a path; ``""`` asks for the deployment as a whole."""
    holding = [held for held in principal.held if permission in held.permissions]
    by = tuple(held for held in holding if covers(held.team, team))
    if by:
        return Decision(True, by, "access_held")
    return Decision(False, (), "access_elsewhere" if holding else "access_missing")


def sees_personal(principal: Principal, team: str) -> bool:
    """Whether ``principal`` may see personal data at a team; what is shown without it says :mod:`nightmail.privacy.masking`."""
    return allowed(principal, Permission.PERSONAL_SEE, team).yes


def require(principal: Principal, permission: Permission, team: str) -> None:
    """Raise :class:`NightmailError` (``not_permitted``) unless :func:`allowed`."""
    if not allowed(principal, permission, team).yes:
        raise NightmailError("not_permitted", permission=permission, team=team or "the deployment as a whole")


def teams_with(principal: Principal, permission: Permission) -> tuple[str, ...]:
    """The topmost teams at which ``principal`` has ``permission``, sorted; ``""`` alone where it is held everywhere.

    Statements join with them by :data:`nightmail.organisation.queries.TEAMS_AT_OR_BELOW`.
    """
    teams = {held.team for held in principal.held if permission in held.permissions}
    return tuple(sorted(team for team in teams if not any(covers(upper, team) for upper in teams - {team})))


def cover_deployment(connection: Connection, teams: Sequence[str]) -> bool:
    """Whether what is held at ``teams`` holds for the deployment as a whole: everywhere, or at its one top team.

    What belongs to no team would tell of other organisations' people and campaigns otherwise.
    """
    tops = [team for team in teams if team == EVERYWHERE or "." not in team]
    return EVERYWHERE in tops or (bool(tops) and top_team_paths(connection) == tops)


def covers(upper: str, team: str) -> bool:
    """Whether what is held at ``upper`` holds at ``team``: the same, one below it, or held everywhere."""
    return upper == EVERYWHERE or (team != EVERYWHERE and is_at_or_below(team, upper))
