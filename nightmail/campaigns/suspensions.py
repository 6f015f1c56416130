"""Suspensions: channels, carrier accounts and senders that are not used for now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.alerts import resolve_alerts
from nightmail.campaigns.queries import (
    FIND_SUSPENSION,
    INSERT_SUSPENSION,
    LIFT_SUSPENSION,
    MESSAGES_WAITING,
    SUSPENSIONS,
)
from nightmail.errors import UsageError
from nightmail.organisation.routes import Route


@dataclass(frozen=True, slots=True)
class SuspensionRow:
    """A channel that is not used for now."""

    id: int
    channel: str
    team_id: int | None
    carrier_account_id: int | None
    sender: str | None
    reason: str
    by: str
    since: dt.datetime
    team: str | None = None
    """The team's path, where suspensions are listed; ``None``: all teams."""
    carrier_account: str | None = None
    """The account's name, where suspensions are listed; ``None``: all accounts of the channel."""
    lifted_at: dt.datetime | None = None
    lifted_by: str | None = None
    lifted_why: str | None = None

    def stops(self, route: Route, teams: Collection[int]) -> bool:
        """Whether messages of a team may not take a route; ``teams`` are its own id and those of the teams above it."""
        return (
            self.channel == route.account.channel
            and (self.team_id is None or self.team_id in teams)
            and (self.carrier_account_id is None or self.carrier_account_id == route.account.id)
            and (self.sender is None or self.sender == route.sender)
        )


def suspend_channel(
    engine: Engine,
    channel: str,
    *,
    reason: str,
    by: str,
    team_id: int | None = None,
    carrier_account_id: int | None = None,
    sender: str | None = None,
) -> SuspensionRow:
    """Stop using a channel, for a team or (``None``) for all, or only one carrier account or sender of it.

    Messages go over the next carrier account of the channel where only one account is suspended; else they wait, or fall to
    the next channel, as their team set it (:mod:`nightmail.sending.suspended_channels`). Suspending what is suspended
    changes nothing.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.suspension'))"))
        values = {"channel": channel, "team": team_id, "account": carrier_account_id, "sender": sender}
        row = connection.execute(text(FIND_SUSPENSION), values).first()
        if row is None:
            row = connection.execute(text(INSERT_SUSPENSION), {**values, "reason": reason, "by": by}).one()
            write_entry(
                connection,
                actor=by,
                action="channel.suspended",
                subject=channel,
                team_id=team_id,
                detail={"reason": reason, "carrier_account": carrier_account_id, "suspension": row.id},
            )
    return SuspensionRow(**row._mapping)


def lift_suspension(engine: Engine, suspension_id: int, *, by: str, why: str | None = None) -> str:
    """Use a suspended channel again; returns the channel. ``why`` is kept with it and in the audit log.

    Raises :class:`UsageError` (``suspension_unknown``) when it is not suspended.
    """
    with engine.begin() as connection:
        row = connection.execute(text(LIFT_SUSPENSION), {"id": suspension_id, "by": by, "why": why or None}).first()
        if row is None:
            raise UsageError("suspension_unknown", suspension=suspension_id)
        resolve_alerts(connection, subject=f"suspension:{suspension_id}")
        write_entry(
            connection,
            actor=by,
            action="channel.resumed",
            subject=row.channel,
            team_id=row.team_id,
            detail={"suspension": suspension_id, **({"why": why} if why else {})},
        )
    return str(row.channel)


def list_suspensions(connection: Connection) -> list[SuspensionRow]:
    """The suspensions in force, the oldest first."""
    return [SuspensionRow(**row._mapping) for row in connection.execute(text(SUSPENSIONS))]


def messages_waiting(connection: Connection, channel: str, team_id: int | None = None) -> int:
    """How many messages of campaigns under way wait while a channel is suspended, for a team or for all."""
    return int(connection.scalar(text(MESSAGES_WAITING), {"channel": channel, "team": team_id}) or 0)
