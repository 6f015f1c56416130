"""Rows that were pasted from a spreadsheet or a mail: a contact file of at most 500 rows.

A single column of addresses needs no header: it has one reading. Everything else begins with the names of its columns.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from pathlib import Path

from nightmail.channels import EMAIL_FIELD, PHONE_FIELDS
from nightmail.contact_files.kept_files import incoming_path
from nightmail.errors import ContactFileError
from nightmail.intake.send_drafts import PASTE, Chosen

MOST_ROWS = 500
_EMAIL = re.compile(r"[^\s@,;]+@[^\s@,;]+\.[^\s@,;]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{5,30}")


def keep_pasted(pasted: str, folder: Path, name: str) -> Chosen:
    """Keep pasted rows as a file below ``folder``.

    Raises :class:`ContactFileError` (``paste_empty``, ``paste_too_long``).
    """
    lines = [line.rstrip() for line in pasted.replace("\r\n", "\n").split("\n")]
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise ContactFileError("paste_empty")
    header = _header_of(lines)
    rows = len(lines) - (header is None)
    if rows > MOST_ROWS:
        raise ContactFileError("paste_too_long", rows=rows, limit=MOST_ROWS)
    if not rows:
        raise ContactFileError("paste_empty")
    content = "\n".join(lines if header is None else [header, *(line.strip() for line in lines)]).encode() + b"\n"
    path = incoming_path(folder, "pasted.csv", f"paste-{uuid.uuid4().hex}")
    path.write_bytes(content)
    path.chmod(0o600)
    return Chosen(source=PASTE, name=name, path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _header_of(lines: list[str]) -> str | None:
    """The name of the one column that the lines are, where all of them are addresses of one kind; else they have a header."""
    for pattern, column in ((_EMAIL, EMAIL_FIELD), (_PHONE, PHONE_FIELDS[0])):
        if all(pattern.fullmatch(line.strip()) for line in lines):
            return column
    return None
