"""Which teams send from a number or a mailbox: its own senders' teams, and those that have none and take an account's.

Carriers block a number for a person, not a team: a STOP holds for every team that sends from the number it was written to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.organisation.queries import TEAMS_OF_ACCOUNTS, TEAMS_OF_SENDER
from nightmail.organisation.teams import is_at_or_below


@dataclass(frozen=True, slots=True)
class UsingTeam:
    """A team that sends from a number or over an account; those below it do so too."""

    id: int
    path: str


def teams_of_sender(
    connection: Connection, channel: str, addresses: Sequence[str], accounts: Collection[int] | None = None
) -> list[UsingTeam]:
    """The teams that send from any of ``addresses`` (numbers, mailboxes, services) on a channel, without those below them.

    Only over ``accounts``, where they are given. Empty for an address that nobody sends from.
    """
    values = {
        "channel": channel,
        "addresses": [address.lower() for address in addresses],
        "accounts": None if accounts is None else sorted(accounts),
    }
    return _highest([UsingTeam(row.id, row.path) for row in connection.execute(text(TEAMS_OF_SENDER), values)])


def teams_of_accounts(connection: Connection, channel: str, accounts: Collection[int]) -> list[UsingTeam]:
    """The teams that send on a channel over any of these carrier accounts, without those below them."""
    values = {"channel": channel, "accounts": sorted(accounts)}
    return _highest([UsingTeam(row.id, row.path) for row in connection.execute(text(TEAMS_OF_ACCOUNTS), values)])


def common_team(connection: Connection, teams: Sequence[UsingTeam]) -> int | None:
    """The lowest team at or above all of ``teams``; ``None`` where they have none in common."""
    parts = [team.path.split(".") for team in teams]
    common: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    found = connection.scalar(text("select id from team where path = :path"), {"path": ".".join(common)})
    return None if found is None else int(found)


def _highest(teams: Sequence[UsingTeam]) -> list[UsingTeam]:
    """``teams`` without those that are below another of them."""
    kept: list[UsingTeam] = []
    for team in sorted(teams, key=lambda each: len(each.path)):
        if not any(is_at_or_below(team.path, other.path) for other in kept):
            kept.append(team)
    return sorted(kept, key=lambda each: each.path)
