"""API keys as people and programs see and change them: listed, made, rotated, revoked, never beyond what one holds oneself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.api_keys import create_key, prefix_of
from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.key_queries import (
    CHANGE_KEY,
    KEEP_PROVISIONER,
    KEY_BY_ID,
    KEY_BY_PREFIX,
    KEY_OF_NAME,
    LIST_KEYS,
    REPLACE_KEY,
    REVOKE_KEY,
)
from nightmail.access.networks import checked_networks
from nightmail.access.permissions import Permission, known_permissions, permissions_named
from nightmail.access.principals import Principal
from nightmail.access.roles import refuse_more_than_held
from nightmail.audit import write_entry
from nightmail.errors import UsageError
from nightmail.organisation.teams import team_id_of
from nightmail.store.clock import database_time

LONGEST_NAME = 100
LONGEST_OVERLAP = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key without its secret. ``state``: ``active``, ``replaced`` (both are taken), ``expired`` or ``revoked``."""

    id: int
    team: str
    team_id: int
    name: str
    prefix: str
    permissions: frozenset[Permission]
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None
    allowed_networks: tuple[str, ...]
    replaced_by: str | None
    state: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "id": self.id,
            "team": self.team,
            "name": self.name,
            "prefix": self.prefix,
            "state": self.state,
            "permissions": sorted(self.permissions),
            "created_at": self.created_at,
            "created_by": self.created_by or None,
            "expires_at": self.expires_at,
            "last_used_at": self.last_used_at,
            "revoked_at": self.revoked_at,
            "allowed_networks": list(self.allowed_networks),
            "replaced_by": self.replaced_by,
        }


def list_keys(
    connection: Connection,
    principal: Principal,
    *,
    team: str | None = None,
    over: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[KeyRow]:
    """The keys of teams where ``principal`` has ``key.see``, the newest first; with ``over`` those that are no longer taken too.

    ``team`` leaves those of it and of the teams below.
    """
    teams = list(teams_with(principal, Permission.KEY_SEE))
    values = {"teams": teams, "team": team, "over": over, "before": before, "limit": limit}
    return [_key(row) for row in connection.execute(text(LIST_KEYS), values)]


def find_key(connection: Connection, named: str, *, by: Principal) -> KeyRow:
    """The key of a number, of its first eleven characters, or of ``team/name``.

    Raises :class:`UsageError` (``key_unknown``), for those that ``by`` may not see too.
    """
    team, slash, name = named.partition("/")
    if slash:
        query: tuple[str, dict[str, Any]] = (KEY_OF_NAME, {"team": team_id_of(connection, team), "name": name})
    elif named.isdecimal() and len(named) <= 9:
        query = (KEY_BY_ID, {"id": int(named)})
    else:
        query = (KEY_BY_PREFIX, {"prefix": prefix_of(named)})
    row = connection.execute(text(query[0]), query[1]).first()
    if row is None or not allowed(by, Permission.KEY_SEE, row.team).yes:
        raise UsageError("key_unknown", value=named[:60])
    return _key(row)


def new_key(
    connection: Connection,
    *,
    by: Principal,
    team: str,
    name: str,
    permissions: Iterable[str],
    expires_at: dt.datetime | None = None,
    allowed_networks: Iterable[str] = (),
) -> tuple[KeyRow, str]:
    """Make a key; the row, and the key itself, which cannot be shown again.

    Raises :class:`NightmailError`: ``not_permitted``, ``grant_exceeds_yours`` for a permission that ``by`` does not hold at the team,
    ``key_exists``, ``key_name``, ``key_over``, ``permission_unknown``, ``network_wrong``.
    """
    require(by, Permission.KEY_EDIT, team)
    wanted = permissions_named(permissions)
    refuse_more_than_held(by, wanted, team)
    team_id = team_id_of(connection, team)
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or "/" in name or not name.isprintable():
        raise UsageError("key_name", limit=LONGEST_NAME)
    if expires_at is not None and expires_at <= database_time(connection):
        raise UsageError("key_over")
    found = connection.execute(text(KEY_OF_NAME), {"team": team_id, "name": name}).first()
    if found is not None and found.state == "active":
        raise UsageError("key_exists", value=f"{team}/{name}")
    secret = create_key(
        connection,
        team_id=team_id,
        name=name,
        permissions=wanted,
        expires_at=expires_at,
        created_by=by.actor,
        allowed_networks=allowed_networks,
    )
    made = _by_prefix(connection, prefix_of(secret))
    _write(connection, by, "key.made", made, {"permissions": sorted(wanted), "expires_at": expires_at})
    return made, secret


def rotate_key(
    connection: Connection, key: KeyRow, *, by: Principal, overlap: dt.timedelta = dt.timedelta(days=1)
) -> tuple[KeyRow, str]:
    """Make a key in the place of another, with the same rights and for as long; the old one is taken for ``overlap`` longer.

    Raises :class:`NightmailError`: ``not_permitted``, ``grant_exceeds_yours`` (who rotates a key comes to know it), ``key_state`` where it
    is no longer taken or was rotated before, ``key_overlap``.
    """
    require(by, Permission.KEY_EDIT, key.team)
    refuse_more_than_held(by, key.permissions, key.team)
    if key.state != "active":
        raise UsageError("key_state", value=f"{key.team}/{key.name}", state=key.state)
    if not dt.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise UsageError("key_overlap", limit=LONGEST_OVERLAP.days)
    lasts = None if key.expires_at is None else key.expires_at - key.created_at
    secret = create_key(
        connection,
        team_id=key.team_id,
        name=key.name,
        permissions=key.permissions,
        expires_at=None if lasts is None else database_time(connection) + lasts,
        created_by=by.actor,
        allowed_networks=key.allowed_networks,
    )
    made = _by_prefix(connection, prefix_of(secret))
    connection.execute(text(REPLACE_KEY), {"id": key.id, "new": made.id, "overlap": overlap})
    connection.execute(text(KEEP_PROVISIONER), {"id": key.id, "new": made.id})
    _write(connection, by, "key.rotated", key, {"replaced_by": made.id, "overlap_s": int(overlap.total_seconds())})
    return made, secret


def revoke_key(connection: Connection, key: KeyRow, *, by: Principal) -> KeyRow:
    """End a key; the next request with it is refused. Raises :class:`NightmailError` (``not_permitted``)."""
    require(by, Permission.KEY_EDIT, key.team)
    if connection.scalar(text(REVOKE_KEY), {"id": key.id}) is not None:
        _write(connection, by, "key.revoked", key, {})
    return _by_prefix(connection, key.prefix)


def change_key(
    connection: Connection,
    key: KeyRow,
    *,
    by: Principal,
    permissions: Iterable[str],
    expires_at: dt.datetime | None,
    allowed_networks: Iterable[str],
) -> KeyRow:
    """Change what a key may do, until when and from where. Raises what :func:`new_key` does."""
    require(by, Permission.KEY_EDIT, key.team)
    wanted = permissions_named(permissions)
    refuse_more_than_held(by, wanted, key.team)
    values = {
        "id": key.id,
        "permissions": sorted(wanted),
        "networks": checked_networks(allowed_networks),
        "expires": expires_at,
    }
    connection.execute(text(CHANGE_KEY), values)
    detail = {"before": sorted(key.permissions), "after": sorted(wanted), "allowed_networks": values["networks"]}
    _write(connection, by, "key.changed", key, detail)
    return _by_prefix(connection, key.prefix)


def key_of_name(connection: Connection, team_id: int, name: str) -> KeyRow | None:
    """The key of a name that is not revoked and was not replaced; ``None`` where there is none."""
    row = connection.execute(text(KEY_OF_NAME), {"team": team_id, "name": name}).first()
    return None if row is None else _key(row)


def _by_prefix(connection: Connection, prefix: str) -> KeyRow:
    return _key(connection.execute(text(KEY_BY_PREFIX), {"prefix": prefix}).one())


def _write(connection: Connection, by: Principal, action: str, key: KeyRow, detail: dict[str, Any]) -> None:
    write_entry(
        connection,
        actor=by.actor,
        action=action,
        subject=f"key:{key.id}",
        team_id=key.team_id,
        detail={"name": key.name, **detail},
    )


def _key(row: Any) -> KeyRow:
    values = dict(row._mapping)
    values["permissions"] = known_permissions(row.permissions)
    values["allowed_networks"] = tuple(row.allowed_networks)
    return KeyRow(**values)
