"""What waited for a person in the two weeks: alerts, most of them closed, and channels that were suspended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from nightmail.demonstration import ACTOR, queries
from nightmail.organisation.teams import team_id_of


@dataclass(frozen=True, kw_only=True)
class PastAlert:
    """An alert that was raised ``ago`` and, unless it is open, closed ``open_for`` later."""

    reason: str
    subject: str
    message: str
    ago: dt.timedelta
    open_for: dt.timedelta | None = None
    times: int = 1
    team: str | None = None
    campaign: int | None = None


@dataclass(frozen=True, kw_only=True)
class PastSuspension:
    """A channel that a team did not use from ``ago`` on, until ``lasted`` later unless it is suspended still."""

    channel: str
    team: str
    reason: str
    ago: dt.timedelta
    lasted: dt.timedelta | None = None


def add_alert(connection: Connection, alert: PastAlert, now: dt.datetime) -> None:
    """Raise an alert as of its time."""
    raised = now - alert.ago
    for _ in range(alert.times):
        raise_alert(
            connection,
            reason=alert.reason,
            subject=alert.subject,
            message=alert.message,
            team_id=None if alert.team is None else team_id_of(connection, alert.team),
            campaign_id=alert.campaign,
        )
    values = {
        "reason": alert.reason,
        "subject": alert.subject,
        "at": raised,
        "last": raised + dt.timedelta(minutes=7 * (alert.times - 1)),
        "resolved": None if alert.open_for is None else raised + alert.open_for,
    }
    connection.execute(text(queries.ALERT_WAS_RAISED), values)


def add_suspension(engine: Engine, suspension: PastSuspension, now: dt.datetime) -> None:
    """Suspend a channel as of its time, and lift that where it is over."""
    with engine.connect() as connection:
        team_id = team_id_of(connection, suspension.team)
    row = suspend_channel(engine, suspension.channel, reason=suspension.reason, by=ACTOR, team_id=team_id)
    since = now - suspension.ago
    if suspension.lasted is not None:
        lift_suspension(engine, row.id, by=ACTOR)
    lifted = None if suspension.lasted is None else since + suspension.lasted
    with engine.begin() as connection:
        connection.execute(text(queries.SUSPENSION_WAS), {"id": row.id, "since": since, "lifted": lifted})
