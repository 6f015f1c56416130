"""What is deleted by age of the address book's files: those of imports with what they found, and those of lists that were sent to.

Each is deleted in a transaction of its own, the file first: cut off in between, the next round finds the row and no file, and goes on.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from nightmail.contacts.import_reading import ImportTables
from nightmail.lake import Lake
from nightmail.retention import queries

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class DeletedFiles:
    """How many imports and how many lists' files were deleted."""

    imports: int
    lists: int


def delete_files(engine: Engine, lake: Lake, *, today: dt.date | None = None) -> DeletedFiles:
    """Delete the files of imports that came, and of lists whose campaigns ended, more than their team's ``retention_days`` ago.

    Of an import go its file, its tables, the rows that were shown, and what it found of each contact: it cannot be taken back
    any more. One that waits is dropped with them; one that is being worked on stays for the next round.
    """
    return DeletedFiles(_delete_imports(engine, lake, today), _delete_lists(engine, today))


def _delete_imports(engine: Engine, lake: Lake, today: dt.date | None) -> int:
    done = 0
    while True:
        with engine.begin() as connection:
            values = {"today": today, "limit": AT_ONCE}
            expired = connection.execute(text(queries.EXPIRED_IMPORTS), values).all()
            for row in expired:
                _unlink(row.stored_path)
                ImportTables.of_import(lake, row.id).delete()
            ids = {"ids": [row.id for row in expired]}
            for statement in (queries.FORGET_IMPORT_ROWS, queries.FORGET_IMPORT_FILES, queries.FORGET_IMPORTS):
                connection.execute(text(statement), ids)
        done += len(expired)
        if len(expired) < AT_ONCE:
            return done


def _delete_lists(engine: Engine, today: dt.date | None) -> int:
    done = 0
    while True:
        with engine.begin() as connection:
            values = {"today": today, "limit": AT_ONCE}
            expired = connection.execute(text(queries.EXPIRED_LISTS), values).all()
            for row in expired:
                _unlink(row.stored_path)
            connection.execute(text(queries.FORGET_LISTS), {"ids": [row.campaign_id for row in expired]})
        done += len(expired)
        if len(expired) < AT_ONCE:
            return done


def _unlink(stored_path: str | None) -> None:
    """Delete a kept file and the folder that was its own."""
    if stored_path is None:
        return
    path = Path(stored_path)
    path.unlink(missing_ok=True)
    with suppress(OSError):
        # Not empty, or not there: it is somebody else's too.
        path.parent.rmdir()
