"""When SFTP servers were last looked at, and what the last look that failed met: noted by the sensor, shown to administrators."""

from __future__ import annotations

from sqlalchemy import Connection, text

LONGEST_FAILURE = 1_000
"""Characters of what is kept of a failure."""


def note_look(connection: Connection, server_id: int) -> None:
    """Note that a look at a server went through."""
    connection.execute(text("update sftp_server set looked_at = now() where id = :id"), {"id": server_id})


def note_failed_look(connection: Connection, server_id: int, failure: str) -> None:
    """Note that a look at a server failed, and what it met."""
    connection.execute(
        text("update sftp_server set failed_at = now(), failure = :failure where id = :id"),
        {"id": server_id, "failure": failure.replace("\0", "")[:LONGEST_FAILURE]},
    )
