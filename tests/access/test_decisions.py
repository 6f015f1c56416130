"""The one decision, against a plain model of it on trees and grants of any kind."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.access.decisions import allowed, require, teams_with
from nightmail.access.permissions import (
    PERMISSION_MEANINGS,
    PERMISSIONS_OF_SCOPE,
    Permission,
    known_permissions,
    permissions_named,
)
from nightmail.access.principals import Held, Principal, system_principal
from nightmail.errors import NightmailError, UsageError

_NAMES = st.sampled_from(("a", "b", "ab", "a_b"))
_PATHS = st.lists(_NAMES, max_size=4).map(".".join)
_FEW = (Permission.CAMPAIGN_SEE, Permission.PERSONAL_SEE, Permission.KEY_EDIT)
_HELD = st.builds(
    Held,
    grant_id=st.integers(1, 9),
    role=st.just("role"),
    team=_PATHS,
    permissions=st.frozensets(st.sampled_from(_FEW)),
)
_PRINCIPALS = st.lists(_HELD, max_size=5).map(lambda held: Principal("person", 1, "Ada", tuple(held)))


def _model(principal: Principal, permission: Permission, team: str) -> set[int | None]:
    """The grants that hold: those at one of the team's ancestors, which are found by cutting its path part by part."""
    parts = team.split(".") if team else []
    ancestors = {".".join(parts[:length]) for length in range(len(parts) + 1)}
    return {held.grant_id for held in principal.held if held.team in ancestors and permission in held.permissions}


@given(_PRINCIPALS, st.sampled_from(_FEW), _PATHS)
@settings(max_examples=300)
def test_what_is_held_at_a_team_or_above_it_is_allowed_and_nothing_else(
    principal: Principal, permission: Permission, team: str
) -> None:
    decision = allowed(principal, permission, team)
    expected = _model(principal, permission, team)
    assert {held.grant_id for held in decision.by} == expected
    assert decision.yes is bool(expected)
    holds_it = any(permission in held.permissions for held in principal.held)
    assert decision.why == ("access_held" if expected else "access_elsewhere" if holds_it else "access_missing")
    if expected:
        require(principal, permission, team)
    else:
        with pytest.raises(NightmailError) as caught:
            require(principal, permission, team)
        assert caught.value.reason == "not_permitted"


@given(_PRINCIPALS, st.sampled_from(_FEW), st.lists(_PATHS, max_size=6))
@settings(max_examples=300)
def test_the_topmost_teams_stand_for_all_that_are_allowed(
    principal: Principal, permission: Permission, teams: list[str]
) -> None:
    """A list that joins with them shows what the decision allows, and no team stands below another."""
    topmost = teams_with(principal, permission)
    one_team_each = Principal("person", 2, "", tuple(Held(None, "", team, frozenset({permission})) for team in topmost))
    for team in teams:
        assert allowed(principal, permission, team).yes == allowed(one_team_each, permission, team).yes
    assert all(
        not allowed(Principal("person", 3, "", (held,)), permission, other).yes
        for held, other in ((held, other) for held in one_team_each.held for other in topmost)
        if held.team != other
    )


@given(_PRINCIPALS, _HELD, st.sampled_from(_FEW), _PATHS)
def test_one_more_grant_takes_nothing_away(principal: Principal, more: Held, permission: Permission, team: str) -> None:
    richer = Principal("person", 1, "Ada", (*principal.held, more))
    assert allowed(richer, permission, team).yes >= allowed(principal, permission, team).yes


def test_the_machines_user_may_do_everything_everywhere() -> None:
    root = system_principal("root")
    assert root.actor == "user:root"
    assert all(allowed(root, permission, team).yes for permission in Permission for team in ("", "acme", "acme.x"))


def test_what_is_held_at_a_top_team_is_not_held_everywhere() -> None:
    ada = Principal("person", 1, "Ada", (Held(1, "viewer", "acme", frozenset({Permission.CARRIER_EDIT})),))
    assert not allowed(ada, Permission.CARRIER_EDIT, "").yes
    assert not allowed(ada, Permission.CARRIER_EDIT, "acme_two").yes


def test_each_permission_has_a_meaning_and_names_a_verb() -> None:
    assert set(PERMISSION_MEANINGS) == set(Permission)
    assert all(len(permission.split(".")) == 2 for permission in Permission)


def test_names_of_scopes_are_still_understood() -> None:
    assert permissions_named(["reports:read", "file.upload"]) == {Permission.REPORT_SEE, Permission.FILE_UPLOAD}
    assert {name for names in PERMISSIONS_OF_SCOPE.values() for name in names} <= set(Permission)
    for names in (["reports:write"], []):
        with pytest.raises(UsageError) as caught:
            permissions_named(names)
        assert caught.value.reason == "permission_unknown"


def test_a_permission_of_a_later_version_allows_nothing() -> None:
    assert known_permissions(["campaign.see", "moon.visit"]) == {Permission.CAMPAIGN_SEE}
