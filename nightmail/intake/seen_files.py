"""Files on SFTP that were seen before, known by server, path, size and time of change, so that none is taken twice."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake.arrivals import Arrival
from nightmail.organisation.stored_feeds import FeedRow

Look = tuple[str, int, dt.datetime]
"""What one look at a folder sees of a file: path, size, time of change."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was seen before: an upload, or an answer of ours (state ``answer``)."""

    id: int
    state: str
    archived: bool
    moved: bool
    """Whether it was moved to the archive; otherwise it was gone when it was to be moved, or the server said so."""
    answered: bool


def known_files(connection: Connection, sftp_server_id: int, looks: Iterable[Look]) -> dict[Look, KnownFile]:
    """Those of the files seen that are known, in one query."""
    wanted = list(looks)
    if not wanted:
        return {}
    rows = connection.execute(
        text(
            "select r.path, r.size, r.modified_at, r.id, r.state, r.archived_at is not null as archived, "
            "r.archived_path is not null as moved, r.answered_at is not null as answered "
            "from received_file r "
            "join unnest(cast(:paths as text[]), cast(:sizes as bigint[]), cast(:times as timestamptz[])) "
            "as w (path, size, modified_at) on r.path = w.path and r.size = w.size and r.modified_at = w.modified_at "
            "where r.source = 'sftp' and r.sftp_server_id = :server"
        ),
        {
            "server": sftp_server_id,
            "paths": [path for path, _, _ in wanted],
            "sizes": [size for _, size, _ in wanted],
            "times": [time for _, _, time in wanted],
        },
    )
    return {
        (row.path, int(row.size), row.modified_at): KnownFile(
            int(row.id), row.state, bool(row.archived), bool(row.moved), bool(row.answered)
        )
        for row in rows
    }


def refuse_file(connection: Connection, feed: FeedRow, arrival: Arrival, problem: Mapping[str, Any]) -> int:
    """Make known a file that cannot even be taken (too large, say), with the reason that its uploader is told."""
    return int(
        connection.scalar(
            text(
                "insert into received_file (team_id, feed_id, source, sftp_server_id, path, name, size, modified_at,"
                " state, problem) values (:team, :feed, :source, :server, :path, :name, :size, :modified, 'refused',"
                " cast(:problem as jsonb)) on conflict do nothing returning id"
            ),
            {
                "team": feed.team_id,
                "feed": feed.id,
                "source": arrival.source,
                "server": arrival.sftp_server_id,
                "path": arrival.path,
                "name": arrival.name,
                "size": arrival.size,
                "modified": arrival.modified_at,
                "problem": json.dumps(dict(problem), default=str),
            },
        )
        or 0
    )
