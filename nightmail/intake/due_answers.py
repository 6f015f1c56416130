"""Files whose answer is due, and the record of what was answered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake import queries
from nightmail.intake.received_files import add_file


@dataclass(frozen=True, slots=True)
class FileRow:
    """A received file that is to be answered."""

    id: int
    source: str
    sftp_server_id: int | None
    path: str
    name: str
    size: int
    sha256: str | None
    state: str
    problem: dict[str, Any] | None
    received_at: dt.datetime
    modified_at: dt.datetime | None
    campaign_id: int | None
    feed_id: int | None
    team_id: int


def files_to_answer(
    connection: Connection,
    source: str,
    sftp_server_id: int | None = None,
    limit: int = 50,
    except_ids: Collection[int] = (),
) -> list[FileRow]:
    """The files whose answer is due: those that became no campaign, and those whose campaign's rows are judged.

    ``except_ids`` are files whose answers failed just now: they must not take the places of others.
    """
    query = queries.FILES_TO_ANSWER_ON_SFTP if source == "sftp" else queries.FILES_TO_ANSWER
    values = {"source": source, "server": sftp_server_id, "limit": limit, "except": sorted(except_ids)}
    rows = connection.execute(text(query), values)
    return [FileRow(**row._mapping) for row in rows]


def record_answer_file(
    connection: Connection,
    file: FileRow,
    name: str,
    *,
    path: str,
    size: int,
    sha256: str,
    modified_at: dt.datetime | None,
) -> None:
    """Record an answer as what it is, so that a look at the folder does not take it for an upload."""
    add_file(
        connection,
        team_id=file.team_id,
        feed_id=file.feed_id,
        campaign_id=file.campaign_id,
        source=file.source,
        sftp_server_id=file.sftp_server_id,
        path=path,
        name=name,
        size=size,
        modified_at=modified_at,
        sha256=sha256,
        state="answer",
        answered=True,
    )


def record_answered(connection: Connection, file: FileRow, *, final: bool) -> None:
    """Record that the answer to a file was written: for good, or as the first of two."""
    if final:
        query = "update received_file set answered_at = now() where id = :id"
    else:
        query = "update received_file set state = 'judged' where id = :id and state = 'taken'"
    connection.execute(text(query), {"id": file.id})
