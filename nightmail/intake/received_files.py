"""The record of files that came, or that were written as answers: one row of ``received_file`` each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.intake import queries
from nightmail.reasons.problems import stated_problem


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """One file; ``state`` is ``taken``, ``judged``, ``repeated`` (the same content came before) or ``refused``."""

    id: int
    name: str
    team: str
    feed: str | None
    source: str
    size: int
    """Bytes as uploaded."""
    sha256: str | None
    state: str
    campaign_id: int | None
    received_at: dt.datetime
    problem: dict[str, Any] | None = field(repr=False)


def add_file(
    connection: Connection,
    *,
    team_id: int,
    source: str,
    path: str,
    name: str,
    size: int,
    feed_id: int | None = None,
    campaign_id: int | None = None,
    sftp_server_id: int | None = None,
    modified_at: dt.datetime | None = None,
    sha256: str | None = None,
    stored_path: Path | None = None,
    state: str = "taken",
    problem: Mapping[str, Any] | None = None,
    answered: bool = False,
    archived: bool = False,
    received_by: str | None = None,
    corrects_id: int | None = None,
) -> int | None:
    """Record a file; return its id, or ``None`` when this very file on SFTP is recorded already.

    ``state`` is ``taken``, ``part``, ``repeated``, ``refused`` or ``answer``; a file that is refused or repeated has a
    ``problem``. One that is ``answered`` gets no answer beside it; one that is ``archived`` lies in the archive
    already. ``corrects_id`` is the file whose rejected rows this one holds.
    """
    found = connection.scalar(
        text(queries.ADD_FILE),
        {
            "team": team_id,
            "feed": feed_id,
            "campaign": campaign_id,
            "source": source,
            "server": sftp_server_id,
            "path": path,
            "name": name,
            "size": size,
            "modified_at": modified_at,
            "sha256": sha256,
            "stored_path": None if stored_path is None else str(stored_path),
            "state": state,
            "problem": None if problem is None else json.dumps(dict(problem), default=str),
            "answered": answered,
            "archived": archived,
            "received_by": received_by,
            "corrects": corrects_id,
        },
    )
    return None if found is None else int(found)


def assign_campaign(connection: Connection, file_ids: Sequence[int], campaign_id: int) -> None:
    """Record that files were taken as a campaign."""
    connection.execute(
        text("update received_file set campaign_id = :campaign, state = 'taken' where id = any(:ids)"),
        {"campaign": campaign_id, "ids": list(file_ids)},
    )


def mark_repeated(connection: Connection, file_ids: Sequence[int], earlier: CampaignRow) -> None:
    """Record that the content of files was taken before, as the campaign ``earlier``."""
    problem = stated_problem("file_already_taken", campaign=earlier.key)
    connection.execute(
        text(
            "update received_file set state = 'repeated', campaign_id = :campaign, "
            "problem = cast(:problem as jsonb) where id = any(:ids)"
        ),
        {"ids": list(file_ids), "campaign": earlier.id, "problem": json.dumps(problem)},
    )


def find_received_file(connection: Connection, file_id: int) -> ReceivedFile | None:
    """The file of an id; ``None`` where there is none, or where the id is that of an answer that Nightmail wrote."""
    row = connection.execute(text(queries.RECEIVED_FILE), {"id": file_id}).first()
    return None if row is None else ReceivedFile(**row._mapping)


def forget_stored_content(connection: Connection, file_id: int) -> None:
    """Record that a file's content is kept no longer."""
    connection.execute(text("update received_file set stored_path = null where id = :id"), {"id": file_id})


def registered_paths(connection: Connection, paths: Iterable[Path]) -> set[Path]:
    """Those of ``paths`` that something refers to: a received file, an import, a list's campaign or a send that is prepared."""
    rows = connection.scalars(text(queries.REGISTERED_PATHS), {"paths": [str(path) for path in paths]})
    return {Path(path) for path in rows}
