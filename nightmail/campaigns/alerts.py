"""Alerts: what a person must look at. They are raised, listed and closed, and end by themselves when their cause is gone.

An alert that is closed while its cause goes on is raised again the next time that it shows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.campaigns.queries import (
    ALERTS,
    CLOSE_ALERT,
    COUNT_OPEN_ALERTS,
    END_SETTLED_ALERTS,
    LIST_ALERTS,
    RAISE_ALERT,
    VISIBLE_ALERTS,
    WITHOUT_A_ROUTE,
)
from nightmail.errors import UsageError

ALL_TEAMS = ("",)
COUNTED = 1_000
"""Open alerts that are counted at the most."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert; free of personal data."""

    id: int
    reason: str
    subject: str
    """What it is about: repeats of one matter are one alert."""
    message: str
    since: dt.datetime
    last_at: dt.datetime
    times: int
    team: str | None
    """``None``: the deployment's as a whole."""
    campaign: str | None
    closed_at: dt.datetime | None
    closed_by: str | None
    """Who closed it; ``None``: it is open, or ended as its cause was over."""
    closed_why: str | None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


def raise_alert(
    connection: Connection,
    *,
    reason: str,
    subject: str,
    message: str,
    team_id: int | None = None,
    campaign_id: int | None = None,
    again: bool = True,
) -> None:
    """Raise an alert; the same ``reason`` and ``subject`` again only counts up until it is resolved.

    With ``again`` false it counts only when ``message`` has changed: for what is looked at every few seconds.
    """
    connection.execute(
        text(RAISE_ALERT),
        {
            "reason": reason,
            "subject": subject,
            "message": message,
            "team": team_id,
            "campaign": campaign_id,
            "again": again,
        },
    )


def list_alerts(
    connection: Connection,
    *,
    teams: Sequence[str] = ALL_TEAMS,
    team: str | None = None,
    and_of_all: bool = False,
    closed: bool = False,
    opened: bool = True,
    reason: str | None = None,
    before_id: int | None = None,
    limit: int = 100,
) -> list[AlertRow]:
    """Open alerts, newest first; with ``closed`` the others too, without ``opened`` those alone.

    Of ``teams`` (paths; the empty one stands for all) and those below them, and of these only of ``team`` and those below it.
    ``and_of_all`` adds the alerts that belong to no team, such as of a server that does not answer.
    """
    values = _seen(teams, team, and_of_all) | {
        "closed": closed,
        "opened": opened,
        "reason": reason,
        "before": before_id,
        "limit": min(limit, 1001),
    }
    return [AlertRow(**row._mapping) for row in connection.execute(text(LIST_ALERTS), values)]


def count_open_alerts(connection: Connection, *, teams: Sequence[str]) -> int:
    """How many alerts are open that somebody sees who sees those of ``teams``; at most :data:`COUNTED`.

    Those of no team count where the teams cover the deployment as a whole.
    """
    return int(connection.scalar(text(COUNT_OPEN_ALERTS), {"teams": list(teams), "limit": COUNTED}) or 0)


def visible_alerts(
    connection: Connection, alert_ids: Collection[int], *, teams: Sequence[str], and_of_all: bool
) -> list[AlertRow]:
    """The alerts of several ids, in their order, if each is one of ``teams`` or those below.

    Raises :class:`UsageError` (``alert_unknown``) for the first that is not.
    """
    values = _seen(teams, None, and_of_all) | {"ids": sorted(set(alert_ids))}
    rows = [AlertRow(**row._mapping) for row in connection.execute(text(VISIBLE_ALERTS), values)]
    if missing := set(alert_ids) - {row.id for row in rows}:
        raise UsageError("alert_unknown", alert=min(missing))
    return rows


def _seen(teams: Sequence[str], team: str | None, and_of_all: bool) -> dict[str, Any]:
    everything = tuple(teams) == ALL_TEAMS and team is None
    return {"teams": list(teams), "team": team, "and_of_all": and_of_all or everything}


def get_alert(connection: Connection, alert_id: int) -> AlertRow:
    """The alert of an id. Raises :class:`UsageError` (``alert_unknown``)."""
    row = connection.execute(text(f"{ALERTS} where a.id = :id"), {"id": alert_id}).first()
    if row is None:
        raise UsageError("alert_unknown", alert=alert_id)
    return AlertRow(**row._mapping)


def close_alerts(
    connection: Connection, alert_ids: Iterable[int], *, actor: str, why: str | None = None
) -> list[AlertRow]:
    """Close alerts, each with an audit entry; returns them as they are then. Closing what is closed changes nothing.

    ``why`` is kept with them, for those who look later; it names no recipient.

    Raises :class:`UsageError` (``alert_unknown``) where there is no such alert.
    """
    closed: list[AlertRow] = []
    for alert_id in alert_ids:
        get_alert(connection, alert_id)
        row = connection.execute(text(CLOSE_ALERT), {"id": alert_id, "by": actor, "why": why or None}).first()
        if row is not None:
            write_entry(
                connection,
                actor=actor,
                action="alert.closed",
                subject=f"alert:{alert_id}",
                team_id=row.team_id,
                detail={"reason": row.reason, **({"why": why} if why else {})},
            )
        closed.append(get_alert(connection, alert_id))
    return closed


def resolve_alerts(connection: Connection, *, subject: str, reason: str | None = None) -> int:
    """End the open alerts about a subject, of one reason or all; returns how many there were."""
    return connection.execute(
        text(
            "update alert set resolved_at = now() where subject = :subject and resolved_at is null "
            "and (cast(:reason as text) is null or reason = :reason)"
        ),
        {"subject": subject, "reason": reason},
    ).rowcount


def review_alerts(connection: Connection) -> None:
    """End the alerts of sending whose cause is gone, and raise those of messages that no carrier account may take.

    An alert of a suspension ends as it is lifted, one of an account that does not answer when it accepts again.
    """
    connection.execute(text(END_SETTLED_ALERTS))
    waiting = connection.execute(text(WITHOUT_A_ROUTE)).all()
    subjects = [f"team:{row.team}:{row.channel}" for row in waiting]
    for row, subject in zip(waiting, subjects, strict=True):
        raise_alert(
            connection,
            reason="no_carrier",
            subject=subject,
            message=f"No carrier account for {row.channel} has a sender of the team {row.team}.",
            team_id=row.team_id,
            campaign_id=row.campaign_id,
            again=False,
        )
    connection.execute(
        text(
            "update alert set resolved_at = now() where resolved_at is null and reason = 'no_carrier' "
            "and starts_with(subject, 'team:') and not subject = any(:subjects)"
        ),
        {"subjects": subjects},
    )
