"""Looks at personal data: an entry for each time that somebody is shown what a recipient's address, name or message is."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from nightmail.audit.entries import write_entry


def record_look(
    connection: Connection,
    *,
    actor: str,
    subject: str,
    team_id: int | None,
    shown: Iterable[str],
    count: int = 1,
) -> None:
    """Record that ``actor`` was shown personal data, in the transaction that reads it.

    ``subject`` is what was looked at: ``campaign:<key>``, ``contact:<keyed hash>``, ``reply:<id>``; never the data
    itself. ``shown`` names the kinds (``address``, ``name``, ``body``), ``count`` is of how many people. A page without
    anything personal, since ``personal.see`` is missing or it is empty, is no look.
    """
    kinds = sorted(set(shown))
    if kinds and count:
        write_entry(
            connection,
            actor=actor,
            action="personal.seen",
            subject=subject,
            team_id=team_id,
            detail={"shown": kinds, "people": count},
        )
