"""Who logs in to the sandbox's SFTP server: a user for each team with feeds there, jailed in a home of its own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from nightmail.organisation.teams import is_at_or_below


@dataclass(frozen=True, slots=True)
class SandboxLogin:
    """A team's user. ``home`` is a path below the server's root, ``.`` for the root itself."""

    user: str
    team: str
    home: str


def sandbox_logins(folders: Iterable[tuple[str, str]]) -> list[SandboxLogin]:
    """The users for some feeds, each given as its team's path and its folder; by the team's path.

    A home holds all folders of the team and of those below it, and no folder of any other team. A team for which there is
    no such home has no user; the teams below it may have theirs.

    >>> sandbox_logins([("acme.billing", "/acme/billing/invoices")])[1]
    SandboxLogin(user='acme-billing', team='acme.billing', home='acme/billing')
    """
    placed = [(team, posixpath.normpath(f"/{folder.strip('/')}")) for team, folder in folders]
    teams = {".".join(team.split(".")[: level + 1]) for team, _ in placed for level in range(team.count(".") + 1)}
    found = []
    for team in sorted(teams):
        own = [folder for owner, folder in placed if is_at_or_below(owner, team)]
        others = [folder for owner, folder in placed if not is_at_or_below(owner, team)]
        home = _home(own, others)
        if home is not None:
            found.append(SandboxLogin(team.replace(".", "-"), team, home.lstrip("/") or "."))
    return found


def _home(own: list[str], others: list[str]) -> str | None:
    """The lowest folder above all of ``own``, or the one folder itself where others are beside it."""
    above = posixpath.commonpath([posixpath.dirname(folder) for folder in own])
    homes: list[str] = [above, *(own if len(set(own)) == 1 else ())]
    for home in homes:
        if not any(_is_in(folder, home) for folder in others):
            return home
    return None


def _is_in(folder: str, home: str) -> bool:
    return folder == home or folder.startswith(home.rstrip("/") + "/")
