"""Contact files that arrived, as the table ``received_file`` has them: what became of each, and where its content is kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake.queries import RECEIVED_FILE


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


def find_received_file(connection: Connection, file_id: int) -> ReceivedFile | None:
    """The file of an id; ``None`` where there is none, or where the id is that of an answer that Nightmail wrote."""
    row = connection.execute(text(RECEIVED_FILE), {"id": file_id}).first()
    return None if row is None else ReceivedFile(**row._mapping)


def forget_stored_content(connection: Connection, file_id: int) -> None:
    """Record that a file's content is kept no longer."""
    connection.execute(text("update received_file set stored_path = null where id = :id"), {"id": file_id})


def registered_paths(connection: Connection, paths: Iterable[Path]) -> set[Path]:
    """Those of ``paths`` that are the stored content of a received file."""
    query = text("select stored_path from received_file where stored_path = any(:paths)")
    return {Path(path) for path in connection.scalars(query, {"paths": [str(path) for path in paths]})}
