"""Homes on the sandbox's SFTP server: all of a team's own folders, and nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.organisation.sandbox_logins import sandbox_logins
from nightmail.organisation.teams import is_at_or_below

_NAME = st.sampled_from(["a", "b", "ab"])
_TEAM = st.lists(_NAME, min_size=1, max_size=3).map(".".join)
_FOLDER = st.lists(_NAME, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))


@pytest.mark.parametrize(
    ("feeds", "homes"),
    [
        ([("acme.billing", "/acme/billing/invoices")], {"acme": "acme/billing", "acme-billing": "acme/billing"}),
        ([("acme", "/in"), ("globex", "/out")], {"acme": "in", "globex": "out"}),
        ([("acme", "/a/x"), ("acme", "/b/x"), ("globex", "/g")], {"globex": "g"}),
        ([("acme", "x"), ("acme", "y/z")], {"acme": "."}),
        ([], {}),
    ],
)
def test_homes(feeds: list[tuple[str, str]], homes: dict[str, str]) -> None:
    assert {login.user: login.home for login in sandbox_logins(feeds)} == homes


@settings(max_examples=200)
@given(st.lists(st.tuples(_TEAM, _FOLDER), max_size=6, unique_by=lambda feed: feed[1]))
def test_nobody_reaches_anothers_folder_and_everybody_their_own(feeds: list[tuple[str, str]]) -> None:
    for login in sandbox_logins(feeds):
        assert "." not in login.user, "Nightmail's own user has a dot"
        home = "" if login.home == "." else f"/{login.home}"
        for team, folder in feeds:
            inside = folder == home or folder.startswith(f"{home}/")
            assert inside == is_at_or_below(team, login.team)
