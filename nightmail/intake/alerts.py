"""Alerts that end by themselves: what is well again is no longer shown to operators."""

from __future__ import annotations

from sqlalchemy import Connection, text


def resolve_alerts(connection: Connection, *, subject: str) -> int:
    """End the open alerts about a subject; gives how many there were."""
    return connection.execute(
        text("update alert set resolved_at = now() where subject = :subject and resolved_at is null"),
        {"subject": subject},
    ).rowcount
