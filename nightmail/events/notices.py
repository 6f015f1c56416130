"""Who is told by email of what waits for them: requests for approval and alerts, to those who may act on them.

First it is decided whom to tell of each (:func:`decide_whom_to_tell`), then what is due is claimed person by person
(:func:`claim_notices`) and, once a carrier took the email, sent for good (:func:`record_told`). A claim whose email was not taken,
or whose process died, runs out and is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy import Connection, Engine, text

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.campaigns.authorship import authors_of
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.events.notice_queries import (
    ALONE,
    CLAIM_NOTICES,
    DELETE_OLD_NOTICES,
    HOLDERS,
    NEW_ALERTS,
    NEW_REQUESTS,
    TELL,
)

PAUSE_S = 15 * 60
"""Seconds from one email about alerts to a person to the next, and from a failed attempt to the next."""
ATTEMPTS = 5
PEOPLE = 500
"""People who are told of one request or alert at the most."""
AT_ONCE = 100
"""Requests and alerts that are decided about, and notices that are claimed, in one go: the rest follows in the next."""
KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a person is told of: a ``campaign`` that waits for approval, or an ``alert`` (its sentence)."""

    team: str
    """The path; empty for the deployment as a whole."""
    campaign: str | None
    alert: str | None


@dataclass(frozen=True, slots=True)
class DueNotice:
    """What one person is told in one email."""

    person_id: int
    name: str
    language: str
    ids: tuple[int, ...]
    told: tuple[Told, ...]
    email: str = field(repr=False)


def decide_whom_to_tell(connection: Connection) -> None:
    """Note for each new request and alert the people who may act on it: once, whatever becomes of the emails."""
    for row in connection.execute(text(NEW_REQUESTS), {"most": AT_ONCE}).all():
        authors = authors_of(connection, get_campaign(connection, row.campaign_id)) if row.four_eyes else frozenset()
        people = _holders(connection, Permission.CAMPAIGN_APPROVE, row.team, without=authors, deputies=True)
        _tell(connection, people, approval=row.id)
        connection.execute(text("update approval set told_at = now() where id = :id"), {"id": row.id})
    for row in connection.execute(text(NEW_ALERTS), {"most": AT_ONCE}).all():
        _tell(connection, _holders(connection, Permission.ALERT_CLOSE, row.team), alert=row.id)
        connection.execute(text("update alert set told_at = now() where id = :id"), {"id": row.id})


def _holders(
    connection: Connection,
    permission: Permission,
    team: str,
    *,
    without: frozenset[str] = frozenset(),
    deputies: bool = False,
) -> list[int]:
    """Who may act at a team, by their own grant or as the deputy of who may; nobody ``without`` whom that is."""
    rows = connection.execute(text(HOLDERS), {"permission": permission, "team": team, "most": PEOPLE}).all()
    # What somebody may not approve themselves, their deputy may not approve for them.
    acting = [row for row in rows if f"person:{row.id}" not in without]
    found = {row.id for row in acting}
    if deputies:
        found |= {row.deputy for row in acting if row.deputy is not None and f"person:{row.deputy}" not in without}
    return sorted(found)


def _tell(connection: Connection, people: list[int], *, approval: int | None = None, alert: int | None = None) -> None:
    connection.execute(text(TELL), {"people": people, "approval": approval, "alert": alert})


def claim_notices(engine: Engine, *, pause_s: float = PAUSE_S) -> list[DueNotice]:
    """Decide whom to tell and claim what is due, each person's together; empty while another process does so."""
    with engine.begin() as connection:
        if not connection.scalar(text(ALONE)):
            return []
        decide_whom_to_tell(connection)
        claimed = connection.execute(
            text(CLAIM_NOTICES), {"attempts": ATTEMPTS, "pause": pause_s, "most": AT_ONCE}
        ).all()
    due = []
    for _, grouped in groupby(claimed, key=lambda row: row.person_id):
        rows = list(grouped)
        first = rows[0]
        told = tuple(Told(row.team or "", row.campaign, row.alert) for row in rows)
        ids = tuple(row.id for row in rows)
        due.append(DueNotice(first.person_id, first.name, first.language, ids, told, first.email))
    return due


def record_told(engine: Engine, notice: DueNotice) -> None:
    """Store that a carrier took the email about ``notice``."""
    requests = sum(told.campaign is not None for told in notice.told)
    with engine.begin() as connection:
        connection.execute(text("update notice set sent_at = now() where id = any(:ids)"), {"ids": list(notice.ids)})
        write_entry(
            connection,
            actor="portal",
            action="person.told",
            subject=f"person:{notice.person_id}",
            detail={"approvals": requests, "alerts": len(notice.told) - requests},
        )


def delete_old_notices(engine: Engine) -> None:
    """Delete what people were told of long ago."""
    with engine.begin() as connection:
        connection.execute(text(DELETE_OLD_NOTICES), {"days": KEPT_DAYS})
