"""Suspensions as people look at them: in force and over, and what waits because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.campaigns.suspension_queries import SEEN_SUSPENSION, SEEN_SUSPENSIONS, WAITING_CAMPAIGNS
from nightmail.campaigns.suspensions import SuspensionRow
from nightmail.errors import UsageError

COUNTED = 10_000
"""Messages of a campaign that are counted at the most."""
CAMPAIGNS = 20
"""Campaigns that are named at the most."""


@dataclass(frozen=True, slots=True)
class WaitingCampaign:
    """A campaign with messages on a suspended channel: ``messages`` are at most :data:`COUNTED`."""

    key: str
    team: str
    state: str
    messages: int


def seen_suspensions(
    connection: Connection,
    *,
    teams: Sequence[str],
    team: str | None = None,
    channel: str | None = None,
    over: bool = False,
    before_id: int | None = None,
    limit: int = 100,
) -> list[SuspensionRow]:
    """Suspensions in force, or those that are ``over``, the newest first: of ``teams`` (paths; the empty one stands for all).

    Those of teams below and above them count, as do those for all: they hold the teams' messages back. ``team`` narrows it to what
    concerns that team.
    """
    values = {
        "teams": list(teams),
        "team": team,
        "channel": channel,
        "over": over,
        "before": before_id,
        "limit": min(limit, 1001),
    }
    return [SuspensionRow(**row._mapping) for row in connection.execute(text(SEEN_SUSPENSIONS), values)]


def seen_suspension(connection: Connection, suspension_id: int, *, teams: Sequence[str]) -> SuspensionRow:
    """One of :func:`seen_suspensions`, in force or over. Raises :class:`UsageError` (``suspension_unknown``)."""
    row = connection.execute(text(SEEN_SUSPENSION), {"id": suspension_id, "teams": list(teams)}).first()
    if row is None:
        raise UsageError("suspension_unknown", suspension=suspension_id)
    return SuspensionRow(**row._mapping)


def waiting_campaigns(
    connection: Connection, channel: str, team_id: int | None, *, teams: Sequence[str]
) -> list[WaitingCampaign]:
    """The first campaigns under way with messages on a channel, of a team and those below it or (``None``) of all.

    Of these only those of ``teams``, which somebody sees; the oldest first, at most :data:`CAMPAIGNS`.
    """
    values = {"channel": channel, "team": team_id, "teams": list(teams), "most": COUNTED, "limit": CAMPAIGNS}
    return [WaitingCampaign(**row._mapping) for row in connection.execute(text(WAITING_CAMPAIGNS), values)]
