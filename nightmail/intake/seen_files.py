"""Files on SFTP that were seen before, known by server, path, size and time of change, so that none is taken twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake import queries
from nightmail.intake.arrivals import Arrival
from nightmail.intake.received_files import add_file
from nightmail.organisation.stored_feeds import FeedRow

Look = tuple[str, int, dt.datetime]
"""What one look at a folder sees of a file: path, size, time of change."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was seen before: an upload, or an answer of Nightmail's (state ``answer``)."""

    id: int
    state: str
    archived: bool
    moved: bool
    """Whether it was moved to the archive; otherwise it was gone when it was to be moved, or the server said so."""
    answered: bool


def known_files(connection: Connection, sftp_server_id: int, looks: Iterable[Look]) -> dict[Look, KnownFile]:
    """The files that were seen before, of those that a look has found, in one query."""
    found = list(looks)
    if not found:
        return {}
    values = {
        "server": sftp_server_id,
        "paths": [path for path, _, _ in found],
        "sizes": [size for _, size, _ in found],
        "times": [time for _, _, time in found],
    }
    rows = connection.execute(text(queries.KNOWN_FILES), values)
    return {
        (row.path, int(row.size), row.modified_at): KnownFile(
            int(row.id), row.state, bool(row.archived), bool(row.moved), bool(row.answered)
        )
        for row in rows
    }


def refuse_file(connection: Connection, feed: FeedRow, arrival: Arrival, problem: Mapping[str, Any]) -> int:
    """Record a file that cannot be taken at all, such as one that is too large; its uploader is shown the problem.

    Return the file's id; 0 when it was recorded before.
    """
    found = add_file(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        source=arrival.source,
        sftp_server_id=arrival.sftp_server_id,
        path=arrival.path,
        name=arrival.name,
        size=arrival.size,
        modified_at=arrival.modified_at,
        state="refused",
        problem=problem,
    )
    return found or 0
