"""What the uploader of an import gets back: the refused rows as a file, to be corrected and brought again."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from nightmail.access.decisions import require
from nightmail.access.permissions import Permission
from nightmail.access.principals import Principal
from nightmail.audit.looks import record_look
from nightmail.contacts.import_reading import ImportTables
from nightmail.contacts.import_rows import ImportRow
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.row_checks import write_rejects_csv


def write_refused_rows(
    connection: Connection, lake: Lake, row: ImportRow, destination: Path | BinaryIO, *, by: Principal
) -> int:
    """Write the refused rows of an import as CSV with their reasons; return how many. The look at them is in the audit log.

    Raises :class:`~nightmail.errors.NightmailError` (``not_permitted``) without ``personal.see``, and :class:`UsageError`
    (``import_file_gone``).
    """
    require(by, Permission.PERSONAL_SEE, row.team)
    tables = ImportTables.of_import(lake, row.id)
    if not tables.rejects.exists() or not tables.contact_file.exists():
        raise UsageError("import_file_gone", number=row.id)
    written = write_rejects_csv(tables.contact_file, tables.rejects, destination)
    record_look(
        connection,
        actor=by.actor,
        subject=f"import:{row.id}",
        team_id=row.team_id,
        shown=["address", "name"],
        count=written,
    )
    return written
