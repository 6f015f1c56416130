"""Lists that were taken out as files: an entry for each, of who took which list by what filters."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.audit.entries import write_entry


def record_export(
    connection: Connection, *, actor: str, what: str, team_id: int | None, filters: Iterable[str]
) -> None:
    """Record that ``actor`` takes the list ``what`` (``alerts``) out. ``filters`` are names: what was typed may be an address."""
    write_entry(
        connection,
        actor=actor,
        action=f"{what}.exported",
        subject=what,
        team_id=team_id,
        detail={"filters": sorted(filters)},
    )
