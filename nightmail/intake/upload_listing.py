"""Files that came, as people see them: by SFTP, the API and the portal alike, each with what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake.queries import UPLOADS

_AT_ONCE = 500
_TAKEN = ("taken", "judged")


class Standing(StrEnum):
    """Where a file stands: what became of it, or how far its campaign is."""

    WAITS_FOR_PARTS = "waits_for_parts"
    REFUSED = "refused"
    REPEATED = "repeated"
    BEING_CHECKED = "being_checked"
    AWAITING_APPROVAL = "awaiting_approval"
    TO_BE_SENT = "to_be_sent"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


_STATES: dict[Standing, tuple[tuple[str, ...], tuple[str, ...] | None]] = {
    Standing.WAITS_FOR_PARTS: (("part",), None),
    Standing.REFUSED: (("refused",), None),
    Standing.REPEATED: (("repeated",), None),
    Standing.BEING_CHECKED: (_TAKEN, ("received", "checking")),
    Standing.AWAITING_APPROVAL: (_TAKEN, ("awaiting_approval",)),
    Standing.TO_BE_SENT: (_TAKEN, ("ready", "scheduled")),
    Standing.SENDING: (_TAKEN, ("sending",)),
    Standing.PAUSED: (_TAKEN, ("paused",)),
    Standing.FINISHED: (_TAKEN, ("finished",)),
    Standing.CANCELLED: (_TAKEN, ("cancelled",)),
    Standing.STOPPED: (_TAKEN, ("stopped",)),
}
"""The states of a file, and of its campaign, of each standing."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and its campaign. ``counts`` are the campaign's, empty before its rows are judged."""

    id: int
    name: str
    size: int
    """Bytes as uploaded."""
    sha256: str | None
    source: str
    state: str
    problem: dict[str, Any] | None = field(repr=False)
    """Why it became no campaign."""
    received_at: dt.datetime
    received_by: str | None
    corrects_id: int | None
    team_id: int
    team: str
    time_zone: str
    feed_id: int | None
    feed: str | None
    sftp_server: str | None
    campaign_id: int | None
    campaign: str | None
    """The campaign that it became, or the earlier one with the same content."""
    campaign_state: str | None
    counts: dict[str, Any] = field(repr=False)
    campaign_problem: dict[str, Any] | None = field(repr=False)
    """Why its campaign was stopped."""
    feed_kind: str
    import_id: int | None
    """The import that it became, of a feed whose files change the address book."""
    scheduled_at: dt.datetime | None
    local_start: dt.datetime | None
    cut_off_at: dt.datetime | None

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        for standing, (states, campaign_states) in _STATES.items():
            if self.state in states and (campaign_states is None or self.campaign_state in campaign_states):
                return standing
        # Taken, and its campaign is not there yet: for the moment of one transaction.
        return Standing.BEING_CHECKED


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFilter:
    """Which files are wanted; what is not stated fits all. ``search`` is looked for in the file's name and the feed's."""

    team: str | None = None
    feed_id: int | None = None
    template_id: int | None = None
    """Of the feeds that send this template."""
    source: str | None = None
    standing: Standing | None = None
    search: str | None = None
    received_by: str | None = None
    corrects_id: int | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


def list_uploads(
    connection: Connection,
    teams: Sequence[str],
    wanted: UploadFilter | None = None,
    *,
    before: int | None = None,
    limit: int = 50,
) -> list[Upload]:
    """The files at or below ``teams`` that fit, the newest first, from the first one under the id ``before``."""
    return _uploads(connection, teams, wanted or UploadFilter(), before=before, limit=limit)


def every_upload(connection: Connection, teams: Sequence[str], wanted: UploadFilter) -> Iterator[Upload]:
    """All files that fit, read by pages."""
    before: int | None = None
    while page := _uploads(connection, teams, wanted, before=before, limit=_AT_ONCE):
        yield from page
        before = page[-1].id


def find_upload(connection: Connection, teams: Sequence[str], upload_id: int) -> Upload | None:
    """One file; ``None`` where there is none, or none at or below ``teams``."""
    return next(iter(_uploads(connection, teams, UploadFilter(), upload_id=upload_id)), None)


def _uploads(
    connection: Connection,
    teams: Sequence[str],
    wanted: UploadFilter,
    *,
    upload_id: int | None = None,
    before: int | None = None,
    limit: int = 1,
) -> list[Upload]:
    file_states, campaign_states = _STATES[wanted.standing] if wanted.standing else (None, None)
    values = {
        "teams": list(teams),
        "id": upload_id,
        "feed": wanted.feed_id,
        "template": wanted.template_id,
        "corrects": wanted.corrects_id,
        "source": wanted.source or None,
        "by": wanted.received_by or None,
        "team": wanted.team or None,
        "search": wanted.search.lower() if wanted.search else None,
        "since": wanted.since,
        "until": wanted.until,
        "file_states": None if file_states is None else list(file_states),
        "campaign_states": None if campaign_states is None else list(campaign_states),
        "before": before,
        "limit": limit,
    }
    return [Upload(**row._mapping) for row in connection.execute(text(UPLOADS), values)]
