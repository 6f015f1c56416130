"""What needs people in the tests' organisation: alerts of every kind."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.campaigns.alerts import close_alerts, raise_alert
from tests.portal.conftest import Organisation


def raise_alert_of(
    organisation: Organisation, team: str | None, subject: str, reason: str = "carrier_unavailable"
) -> int:
    """A new open alert of a team, or of none; its number."""
    return _raised(
        organisation.engine, organisation.teams[team] if team else None, subject, reason, "It does not answer."
    )


def _raised(engine: Engine, team_id: int | None, subject: str, reason: str, message: str) -> int:
    with engine.begin() as connection:
        raise_alert(connection, reason=reason, subject=subject, message=message, team_id=team_id)
        statement = text("select id from alert where subject = :subject and reason = :reason and resolved_at is null")
        return int(connection.execute(statement, {"subject": subject, "reason": reason}).scalar_one())


def alerts(engine: Engine) -> list[int]:
    """Alerts of several kinds, two of them over; the numbers of those that are open."""
    with engine.connect() as connection:
        team_id = connection.scalar(text("select id from team where path = 'acme.billing'"))
    made = [
        _raised(
            engine,
            team_id,
            "carrier:acme-sms",
            "carrier_unavailable",
            "acme-sms gave no clear answer to 5 hand-offs in a row (timeout).",
        ),
        _raised(
            engine,
            team_id,
            "campaign:2026-11-30.acme.billing.7f3a9c",
            "in_doubt",
            "3 messages are in doubt: it is not known whether the carrier took them.",
        ),
        _raised(
            engine,
            team_id,
            "feed:acme.billing/invoices",
            "feed_late",
            "The feed acme.billing/invoices had no file by 06:00.",
        ),
        _raised(engine, None, "job:report", "run_failed", "2 runs of the job report failed, the last one 1b9e0f2c."),
        _raised(
            engine,
            None,
            "sftp:north:/in/" + "rechnungen_" * 30 + ".csv",
            "sftp_look_failed",
            "north cannot be looked at: " + "permission denied; " * 20,
        ),
    ]
    over = _raised(
        engine, team_id, "carrier:acme-mail", "carrier_failed_over", "acme-mail gave 20 doubtful answers within 60 s."
    )
    ended = _raised(
        engine, team_id, "campaign:x", "cut_off_at_risk", "The campaign ends about 23:40, after its cut-off at 22:00."
    )
    with engine.begin() as connection:
        close_alerts(connection, [over], actor="user:anna", why="The carrier mended it; asked them by telephone.")
        connection.execute(text("update alert set resolved_at = now() where id = :id"), {"id": ended})
    return made


def alerts_address(address: str, engine: Engine) -> str:
    """A list of alerts, with some in it."""
    alerts(engine)
    return address


def alert_address(engine: Engine) -> str:
    """An open alert."""
    return f"/alerts/{alerts(engine)[0]}"


def close_alerts_address(engine: Engine) -> str:
    """The question before alerts are closed."""
    return "/alerts/close?" + "&".join(f"alert={each}" for each in alerts(engine)[:3])
