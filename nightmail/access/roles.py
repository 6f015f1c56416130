"""Roles: named sets of permissions. Some are ready made and follow the product; a team makes its own for itself and below."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.administrators import keep_administrators
from nightmail.access.decisions import allowed, require
from nightmail.access.grant_queries import (
    CHANGE_ROLE,
    FIND_ROLE,
    INSERT_ROLE,
    KEEP_READY_MADE,
    READY_MADE_ROLES,
    REMOVE_ROLE,
    ROLE_BY_ID,
    ROLES_AT,
    ROLES_FOR_TEAM,
    ROLES_SEEN,
)
from nightmail.access.permissions import Permission, known_permissions, permissions_named
from nightmail.access.principals import EVERYWHERE, Principal
from nightmail.access.ready_made_roles import READY_MADE, READY_MADE_BY_NAME
from nightmail.audit import write_entry
from nightmail.errors import NightmailError, UsageError
from nightmail.organisation.teams import team_id_of

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_READY_MADE_STORED = {role.name: (role.title, role.description, sorted(role.permissions)) for role in READY_MADE}
_LONGEST_TITLE, _LONGEST_DESCRIPTION = 100, 1_000


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role; ``team`` is the team that it is of, ``""`` one for all."""

    id: int
    team: str
    name: str
    title: str
    description: str
    permissions: frozenset[Permission]
    ready_made: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "team": self.team or None,
            "ready_made": self.ready_made,
            "permissions": sorted(self.permissions),
        }


def permissions_of(role: str, ready_made: bool, stored: Iterable[str]) -> frozenset[Permission]:
    """What a stored role allows. A ready-made one allows what this version of the product says."""
    known = READY_MADE_BY_NAME.get(role) if ready_made else None
    return known_permissions(stored) if known is None else known.permissions


def ensure_ready_made(connection: Connection) -> None:
    """Bring the stored ready-made roles to what they are in this version; writes nothing where they are."""
    stored = {
        row.name: (row.title, row.description, row.permissions) for row in connection.execute(text(READY_MADE_ROLES))
    }
    rows = [
        {"name": name, "title": title, "description": description, "permissions": permissions}
        for name, (title, description, permissions) in _READY_MADE_STORED.items()
        if stored.get(name) != (title, description, permissions)
    ]
    if rows:
        connection.execute(text(KEEP_READY_MADE), rows)


def find_role(connection: Connection, name: str, team: str) -> RoleRow:
    """The role that a team means by a name: its own, else that of the nearest team above it, else the one for all.

    Raises :class:`UsageError` (``role_unknown``).
    """
    if name in READY_MADE_BY_NAME:
        ensure_ready_made(connection)
    row = connection.execute(text(FIND_ROLE), {"name": name, "team": team}).first()
    if row is None:
        known = ", ".join(role.name for role in list_roles(connection, team))
        raise UsageError("role_unknown", value=name[:60], known=known)
    return _role(row)


def own_role(connection: Connection, name: str, team: str) -> RoleRow | None:
    """The role of a name that is the team's own; ``None`` where there is none."""
    row = connection.execute(text(FIND_ROLE), {"name": name, "team": team}).first()
    return None if row is None or row.team != team else _role(row)


def get_role(connection: Connection, role_id: int) -> RoleRow:
    """The role of an id. Raises :class:`UsageError` (``role_unknown``)."""
    row = connection.execute(text(ROLE_BY_ID), {"id": role_id}).first()
    if row is None:
        raise UsageError("role_unknown", value=role_id, known=", ".join(READY_MADE_BY_NAME))
    return _role(row)


def list_roles(connection: Connection, team: str, limit: int = 500) -> list[RoleRow]:
    """The roles that can be given at a team: ready-made ones, then own ones of it and of the teams above, by name."""
    ensure_ready_made(connection)
    rows = connection.execute(text(ROLES_FOR_TEAM), {"team": team, "limit": limit})
    return [_role(row) for row in rows]


def list_roles_at(connection: Connection, teams: Iterable[str], limit: int = 500) -> list[RoleRow]:
    """The roles that matter at some teams: ready-made ones, then own ones of the teams above, at and below them."""
    ensure_ready_made(connection)
    rows = connection.execute(text(ROLES_AT), {"teams": list(teams), "limit": limit})
    return [_role(row) for row in rows]


@dataclass(frozen=True, slots=True)
class SeenRole:
    """A role as somebody sees it: ``people`` have it, at the teams that they see."""

    role: RoleRow
    people: int


def roles_seen(connection: Connection, teams: Iterable[str], limit: int = 500) -> list[SeenRole]:
    """The roles that matter to who sees ``teams``: ready-made ones, then those of the teams above, at and below them."""
    ensure_ready_made(connection)
    rows = connection.execute(text(ROLES_SEEN), {"teams": list(teams), "limit": limit})
    return [SeenRole(_role(row), row.people) for row in rows]


def make_role(
    connection: Connection,
    *,
    by: Principal,
    team: str,
    name: str,
    title: str,
    permissions: Iterable[str],
    description: str = "",
) -> RoleRow:
    """Make a role of a team (``""``: one for all), for it and the teams below.

    Raises :class:`NightmailError`: ``not_permitted``, ``grant_exceeds_yours``, ``role_name``, ``role_exists``, ``permission_unknown``.
    """
    require(by, Permission.ROLE_EDIT, team)
    if _NAME.fullmatch(name) is None or not title.strip() or len(title) > _LONGEST_TITLE:
        raise UsageError("role_name", value=name[:60])
    wanted = permissions_named(permissions)
    refuse_more_than_held(by, wanted, team)
    team_id = _team_id(connection, team)
    values = {
        "team": team_id,
        "name": name,
        "title": title.strip(),
        "description": description.strip()[:_LONGEST_DESCRIPTION],
        "permissions": sorted(wanted),
    }
    made = None if name in READY_MADE_BY_NAME else connection.scalar(text(INSERT_ROLE), values)
    if made is None:
        raise UsageError("role_exists", value=name)
    detail = {"permissions": sorted(wanted)}
    write_entry(connection, actor=by.actor, action="role.made", subject=name, team_id=team_id, detail=detail)
    return get_role(connection, made)


def change_role(
    connection: Connection,
    role: RoleRow,
    *,
    by: Principal,
    permissions: Iterable[str],
    title: str | None = None,
    description: str | None = None,
) -> RoleRow:
    """Change what an own role allows, for all who have it. What it allowed and will allow must be held by who changes it.

    Raises what :func:`make_role` does, ``role_ready_made``, and ``last_administrator``.
    """
    _refuse_ready_made(role)
    require(by, Permission.ROLE_EDIT, role.team)
    wanted = permissions_named(permissions)
    refuse_more_than_held(by, wanted | role.permissions, role.team)
    with keep_administrators(connection):
        connection.execute(
            text(CHANGE_ROLE),
            {"id": role.id, "title": title, "description": description, "permissions": sorted(wanted)},
        )
    write_entry(
        connection,
        actor=by.actor,
        action="role.changed",
        subject=role.name,
        team_id=_team_id(connection, role.team),
        detail={"before": sorted(role.permissions), "after": sorted(wanted)},
    )
    return get_role(connection, role.id)


def remove_role(connection: Connection, role: RoleRow, *, by: Principal) -> None:
    """Remove an own role that nobody has. Raises what :func:`change_role` does, and ``role_in_use``."""
    _refuse_ready_made(role)
    require(by, Permission.ROLE_EDIT, role.team)
    if connection.scalar(text(REMOVE_ROLE), {"id": role.id}) is None:
        raise UsageError("role_in_use", value=role.name)
    team_id = _team_id(connection, role.team)
    write_entry(connection, actor=by.actor, action="role.removed", subject=role.name, team_id=team_id)


def refuse_more_than_held(by: Principal, permissions: Iterable[Permission], team: str) -> None:
    """Raise :class:`NightmailError` (``grant_exceeds_yours``) where ``by`` lacks one of ``permissions`` at the team."""
    missing = sorted(permission for permission in permissions if not allowed(by, permission, team).yes)
    if missing:
        raise NightmailError("grant_exceeds_yours", permissions=", ".join(missing), team=team or "the whole deployment")


def _team_id(connection: Connection, team: str) -> int | None:
    return None if team == EVERYWHERE else team_id_of(connection, team)


def _refuse_ready_made(role: RoleRow) -> None:
    if role.ready_made:
        raise UsageError("role_ready_made", value=role.name)


def _role(row: Any) -> RoleRow:
    permissions = permissions_of(row.name, row.ready_made, row.permissions)
    return RoleRow(row.id, row.team, row.name, row.title, row.description, permissions, row.ready_made)
