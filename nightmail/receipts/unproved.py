"""Webhooks that speak of another account's messages: nothing of theirs moves, and a person is alerted."""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.campaigns.alerts import raise_alert


def alert_of_foreign(connection: Connection, carrier: str) -> None:
    """Alert of a receipt or reply that named a message of an account that did not prove it; one open alert a carrier."""
    raise_alert(
        connection,
        reason="webhook_of_another_account",
        subject=f"webhooks:{carrier}",
        message=f"A webhook of {carrier} named a message that went over another account than the one that signed it.",
    )
