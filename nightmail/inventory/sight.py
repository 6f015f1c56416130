"""Which teams' parts a principal sees: those of its teams and below; what belongs to no team, only with the deployment as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.access.decisions import cover_deployment, teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, Principal


def sight(connection: Connection, principal: Principal, permission: Permission) -> list[str]:
    """The topmost teams whose parts ``principal`` sees with ``permission``; ``[""]`` for the deployment as a whole."""
    teams = teams_with(principal, permission)
    return [EVERYWHERE] if cover_deployment(connection, teams) else list(teams)


def sights(
    connection: Connection, principal: Principal, permissions: Iterable[Permission]
) -> dict[Permission, list[str]]:
    """:func:`sight` of several permissions; those that are held at the same teams are looked up once."""
    found: dict[tuple[str, ...], list[str]] = {}
    by_permission = {}
    for permission in permissions:
        teams = teams_with(principal, permission)
        if teams not in found:
            found[teams] = sight(connection, principal, permission)
        by_permission[permission] = found[teams]
    return by_permission
