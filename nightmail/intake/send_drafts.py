"""Sends that somebody prepares at the desk: a template, whom, when, and what they were shown of it before they send.

A draft is its maker's alone. It is kept for some hours, with its file; what becomes a campaign goes the way of every file and list
from there on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.access.decisions import allowed, require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit import write_entry
from nightmail.contacts.list_files import BOOK_SOURCES
from nightmail.errors import UsageError
from nightmail.intake import queries
from nightmail.organisation.teams import get_team, is_at_or_below
from nightmail.stated_times import StatedStart
from nightmail.templates.template_listing import TemplateOverview

KEPT_S = 2 * 3600
"""Seconds for which a draft is kept after it was last looked at."""
HOLDS = dt.timedelta(hours=1)
"""How long what was shown is good for: quiet hours, prices and the end of a send move with the clock."""
FILE = "file"
PASTE = "paste"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Whom a send is for: a list or segment by its number, or a file that is kept."""

    source: str
    """``file``, ``paste``, ``list`` or ``segment``."""
    name: str
    source_id: int | None = None
    path: Path | None = None
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A draft. ``shown`` is what its maker saw last (:mod:`nightmail.intake.draft_looks`), ``shown_hash`` its fingerprint."""

    id: int
    team_id: int
    team: str
    time_zone: str
    template_version_id: int
    version: int
    template_id: int
    template: str
    template_team: str
    category: str
    source: str
    source_id: int | None
    name: str
    path: str | None
    size: int
    sha256: str
    start_at: dt.datetime | None
    local_start: dt.datetime | None
    shown: Mapping[str, Any] | None = field(repr=False)
    shown_hash: str | None
    shown_at: dt.datetime | None
    trials: int
    campaign_id: int | None
    created_by: str
    expires_at: dt.datetime
    outdated: bool
    """Whether its template has a newer version."""
    now: dt.datetime

    @property
    def of_book(self) -> bool:
        """Whether it is for a list or a segment."""
        return self.source in BOOK_SOURCES

    @property
    def start(self) -> StatedStart | None:
        """The start that was asked for; ``None``: at once."""
        return None if self.start_at is None else StatedStart(self.start_at, self.local_start)


def make_draft(
    connection: Connection, template: TemplateOverview, team: str, chosen: Chosen, *, by: Principal
) -> DraftRow:
    """Begin a send by a team, which is the template's or below it.

    Raises :class:`NightmailError` (``not_permitted``) and :class:`UsageError` (``team_unknown``, ``template_unknown``).
    """
    require(by, Permission.CAMPAIGN_SEND, team)
    owner = get_team(connection, team)
    if not is_at_or_below(team, template.team):
        raise UsageError("template_unknown", value=template.name, known="-")
    values = {
        "team": owner.id,
        "version": template.version_id,
        "source": chosen.source,
        "source_id": chosen.source_id,
        "name": chosen.name,
        "path": None if chosen.path is None else str(chosen.path),
        "size": chosen.size,
        "sha256": chosen.sha256,
        "by": by.actor,
        "kept_s": KEPT_S,
    }
    number = connection.scalar(text(queries.MAKE_DRAFT), values)
    write_entry(
        connection,
        actor=by.actor,
        action="send.prepared",
        subject=f"send:{number}",
        team_id=owner.id,
        detail={"template": f"{template.team}/{template.name}", "version": template.version, "source": chosen.source},
    )
    return find_draft(connection, int(number or 0), by=by)


def find_draft(connection: Connection, number: int, *, by: Principal, locked: bool = False) -> DraftRow:
    """A draft of ``by``'s own, while they may send for its team; ``locked`` until the transaction ends.

    Raises :class:`UsageError` (``send_unknown``).
    """
    statement = queries.DRAFT_LOCKED if locked else queries.DRAFT
    row = connection.execute(text(statement), {"id": number, "by": by.actor}).first()
    found = None if row is None else DraftRow(**row._mapping)
    if found is None or not allowed(by, Permission.CAMPAIGN_SEND, found.team).yes:
        raise UsageError("send_unknown", send=number)
    return found


def teams_to_send_by(connection: Connection, teams: Sequence[str], template_team: str, limit: int = 200) -> list[str]:
    """The teams that may send a template of ``template_team``, of those at or below ``teams``: by their paths."""
    values = {"teams": list(teams), "upper": template_team, "limit": limit}
    return list(connection.scalars(text(queries.TEAMS_TO_SEND_BY), values))


def discard_draft(connection: Connection, draft: DraftRow) -> None:
    """Remove a draft that is not sent, with its file: of one that cannot be used nothing is kept."""
    row = connection.execute(text(queries.DISCARD_DRAFT), {"id": draft.id}).first()
    if row is not None and row.path is not None:
        _remove(Path(row.path))


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    with suppress(OSError):
        file.parent.rmdir()


def remove_expired_drafts(engine: Engine) -> int:
    """Remove drafts whose time is over, with the files of those that were not sent; how many there were."""
    with engine.begin() as connection:
        gone = connection.execute(text(queries.EXPIRED_DRAFTS)).all()
    for row in gone:
        if row.path is not None and row.campaign_id is None:
            _remove(Path(row.path))
    return len(gone)
