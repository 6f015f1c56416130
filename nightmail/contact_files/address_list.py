"""Lists of addresses: one a line, or one column of a CSV file, such as a do-not-contact list from elsewhere.

What leaves a contact file out a row at a time is fatal here: who is on such a list and gets lost would be written to.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from nightmail.contact_files.failures import file_error
from nightmail.contact_files.formats import content_format
from nightmail.contact_files.text_documents import document_kind
from nightmail.contact_files.text_survey import UNDECODABLE, decoded_chunks, survey_text
from nightmail.errors import ContactFileError
from nightmail.privacy import mask

MAXIMUM_BYTES = 64 * 1024**2
MAXIMUM_ADDRESSES = 200_000
_NO_NAME = re.compile(r"@|(\d\D{0,2}){5}")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class AddressList:
    """What a list holds, as it is written there."""

    lines: list[tuple[int, str]]
    """Each with the number of its line, counted from one."""
    empty: int
    """Rows with nothing in the column."""


def read_address_list(path: Path, column: str | None = None) -> AddressList:
    """Read a list: every line that is not blank, or the cells of ``column`` where the file is a CSV table.

    Raises :class:`ContactFileError` when the file cannot be read, all of it, up to :data:`MAXIMUM_ADDRESSES`.
    """
    content = _text(path)
    if column is None:
        cells = [(number, line.strip()) for number, line in enumerate(re.split(r"\r\n|\r|\n", content), start=1)]
        found = AddressList([cell for cell in cells if cell[1]], 0)
    else:
        cells = _column(content, column)
        found = AddressList([cell for cell in cells if cell[1]], sum(not text for _, text in cells))
    if not found.lines:
        raise file_error("file_empty" if not content.strip() else "file_no_rows")
    if len(found.lines) > MAXIMUM_ADDRESSES:
        raise file_error("file_too_many_rows", limit=f"{MAXIMUM_ADDRESSES:,}")
    return found


def _text(path: Path) -> str:
    size = path.stat().st_size
    if not size:
        raise file_error("file_empty")
    if size > MAXIMUM_BYTES:
        raise file_error("file_too_large", size=f"{size:,}", limit=f"{MAXIMUM_BYTES:,}")
    kind = content_format(path)
    if kind != "text":
        raise ContactFileError(
            "address_list_not_text", detected="a Parquet file" if kind == "parquet" else "a workbook"
        )
    survey = survey_text(path)
    content = "".join(decoded_chunks(path, survey.codec, survey.skip, survey.end))
    if (document := document_kind(content)) is not None:
        raise file_error("file_not_text", detected=document)
    if UNDECODABLE in content:
        raise file_error("file_wrong_encoding", encoding=survey.encoding, detail=survey.evidence)
    return content


def _column(content: str, column: str) -> list[tuple[int, str]]:
    headers = {delimiter: _header(content, delimiter) for delimiter in _DELIMITERS}
    delimiter = next((name for name, header in headers.items() if column in header), None)
    if delimiter is None:
        widest = max(headers.values(), key=lambda header: (len(header), header))
        # Without a header, the first line is a person's.
        known = ", ".join(name if not _NO_NAME.search(name) else mask(name) for name in widest)
        raise ContactFileError("address_column_unknown", value=column, known=known)
    at, width = headers[delimiter].index(column), len(headers[delimiter])
    # Strict, as a quote that is never closed would swallow rows, and with them people.
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    cells: list[tuple[int, str]] = []
    begins = 1
    try:
        for row in reader:
            if row and len(row) != width:
                raise file_error(
                    "file_unreadable", detail=f"line {begins} has {len(row)} fields where the header has {width}"
                )
            if row and begins > 1:
                cells.append((begins, row[at].strip()))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise file_error("file_unreadable", detail=f"line {begins}: {error}") from error
    return cells


def _header(content: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip() for name in row]
