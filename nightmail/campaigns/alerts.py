"""Alerts: what a person must look at. They are listed and closed here, and end by themselves when their matter is over.

They are raised by :func:`nightmail.campaigns.campaigns.raise_alert`. One that is closed while its matter goes on is raised
anew the next time that it shows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaigns import audit, raise_alert
from nightmail.errors import UsageError
from nightmail.sending.routes import USABLE_ACCOUNTS


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

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return asdict(self)


_ALERTS = """
select a.id, a.reason, a.subject, a.message, a.at as since, a.last_at, a.times, t.path as team, c.key as campaign,
    a.resolved_at as closed_at
from alert a left join team t on t.id = a.team_id left join campaign c on c.id = a.campaign_id
"""


def list_alerts(
    connection: Connection,
    *,
    team: str | None = None,
    and_of_all: bool = False,
    closed: bool = False,
    before_id: int | None = None,
    limit: int = 100,
) -> list[AlertRow]:
    """Open alerts, newest first; with ``closed`` the others too. Of a team and what is under it, or (``None``) all.

    ``and_of_all`` adds to a team's those that are no team's, such as of a server that does not answer.
    """
    rows = connection.execute(
        text(
            f"{_ALERTS} where (:closed or a.resolved_at is null) and (cast(:before as bigint) is null or a.id < :before) "
            "and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.') "
            "or :and_of_all and t.id is null) order by a.id desc limit :limit"
        ),
        {"team": team, "and_of_all": and_of_all, "closed": closed, "before": before_id, "limit": min(limit, 1001)},
    )
    return [AlertRow(**row._mapping) for row in rows]


def get_alert(connection: Connection, alert_id: int) -> AlertRow:
    """The alert of an id. Raises :class:`UsageError` (``alert_unknown``)."""
    row = connection.execute(text(f"{_ALERTS} where a.id = :id"), {"id": alert_id}).first()
    if row is None:
        raise UsageError("alert_unknown", f"There is no alert {alert_id}.", "List them and use one of their numbers.")
    return AlertRow(**row._mapping)


def close_alerts(connection: Connection, alert_ids: Iterable[int], *, actor: str) -> list[AlertRow]:
    """Close alerts, each with an audit row; gives them as they are then. To close what is closed changes nothing.

    Raises :class:`UsageError` (``alert_unknown``) where there is no such alert.
    """
    closed: list[AlertRow] = []
    for alert_id in alert_ids:
        get_alert(connection, alert_id)
        row = connection.execute(
            text(
                "update alert set resolved_at = now() where id = :id and resolved_at is null returning reason, team_id"
            ),
            {"id": alert_id},
        ).first()
        if row is not None:
            audit(
                connection,
                actor=actor,
                action="alert.closed",
                subject=f"alert:{alert_id}",
                team_id=row.team_id,
                detail={"reason": row.reason},
            )
        closed.append(get_alert(connection, alert_id))
    return closed


def resolve_alerts(connection: Connection, *, subject: str) -> int:
    """End the open alerts about a subject; gives how many there were."""
    return connection.execute(
        text("update alert set resolved_at = now() where subject = :subject and resolved_at is null"),
        {"subject": subject},
    ).rowcount


# Of open alerts only, of which there are few: each asks the indexes of its campaign and reads no messages.
_SETTLED = """
update alert a set resolved_at = now() from campaign c
where a.resolved_at is null and c.id = a.campaign_id and (
    a.reason = 'cut_off_at_risk' and c.state in ('finished', 'cancelled', 'stopped')
    or a.reason = 'refused_alike' and c.state <> 'paused'
    or a.reason = 'in_doubt' and (select true from message m where m.ledger_month = c.ledger_month
        and m.campaign_id = c.id and m.state = 'in_doubt' order by m.campaign_id, m.state limit 1) is null)
"""

_WITHOUT_A_ROUTE = f"""
select distinct on (t.id, ch.channel) t.id as team_id, t.path as team, ch.channel, c.id as campaign_id
from campaign c join team t on t.id = c.team_id cross join (values ('sms'), ('email'), ('voice'), ('chat')) as ch(channel)
where c.state = 'sending' and c.ledger_month is not null and (c.cut_off_at is null or c.cut_off_at > now())
and not exists (select from {USABLE_ACCOUNTS} and a.channel = ch.channel)
and (select true from message m where m.ledger_month = c.ledger_month and m.campaign_id = c.id
    and m.channel = ch.channel and m.state = 'queued' and m.due_at <= now() order by m.due_at limit 1)
order by t.id, ch.channel, c.id
"""  # noqa: S608 - the part is a constant


def review_alerts(connection: Connection) -> None:
    """End the alerts of sending whose matter is over, and tell of messages that no account may take.

    An alert of a suspension ends as it is lifted, one of an account that does not answer when it accepts again.
    """
    connection.execute(text(_SETTLED))
    waiting = connection.execute(text(_WITHOUT_A_ROUTE)).all()
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
