"""Senders as administrators see them: what a team's messages come from, over which account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.inventory import queries


@dataclass(frozen=True, slots=True)
class SenderPart:
    """One sender of a team. ``account_seen`` says whether who asked sees its account as well."""

    id: int
    team: str
    channel: str
    name: str
    address: str
    display_name: str | None
    reply_to: str | None
    settings: dict[str, Any]
    retired_at: dt.datetime | None
    provisioned_by: str | None
    account_id: int
    account: str
    account_active: bool
    account_seen: bool
    suspended: bool

    @property
    def sorted_by(self) -> str:
        """What the list is sorted by, before the number."""
        return f"{self.team} {self.channel} {self.name}"


def senders(
    connection: Connection,
    seen: Sequence[str],
    *,
    team: str | None = None,
    channel: str | None = None,
    account_id: int | None = None,
    retired: bool = False,
    after: tuple[str, int] | None = None,
    limit: int = 100,
) -> list[SenderPart]:
    """The senders of the teams that are seen, by team, channel and name; ``after`` is a row's :attr:`sorted_by` and number."""
    values = {
        "seen": list(seen),
        "team": team,
        "channel": channel,
        "account": account_id,
        "retired": retired,
        "after_name": after[0] if after else None,
        "after_id": after[1] if after else 0,
        "limit": limit,
    }
    return [SenderPart(**row._mapping) for row in connection.execute(text(queries.SENDERS), values)]


def find_sender(connection: Connection, seen: Sequence[str], sender_id: int) -> SenderPart | None:
    """One sender; ``None`` where it is not there, or not seen."""
    row = connection.execute(text(queries.SENDER), {"seen": list(seen), "id": sender_id}).first()
    return None if row is None else SenderPart(**row._mapping)
