"""What goes into reading a contact file, and what is known about the file afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightmail.lake import TableFile

METADATA_KEY = "nightmail.contact_file"
"""Key of the schema metadata of a ``contact_file`` table that holds :meth:`ContactFileSummary.as_dict` as JSON."""

OWN_COLUMNS = ("nightmail_line", "nightmail_reason", "nightmail_message")
"""Columns of our own reject files: recognised and dropped, so that a corrected reject file can be dropped again."""

ROW_COLUMN = "nightmail_row"
"""One more column of a reject file, where it has rows that are broken as rows: their text. Recognised and dropped as well."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a contact file. Only ``rejects`` must be given: all else is found out from the file."""

    rejects: TableFile
    """Where rows go that are broken as rows (schema :data:`nightmail.lake.schemas.REJECTS`). Always written, even empty."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """The feed's own mapping: a column's header, as written, to a standard field or a placeholder. It wins over
    synonyms. An empty string drops the column. Headers are compared as :func:`nightmail.contact_files.column_names.column_key` does."""
    known_placeholders: tuple[str, ...] = ()
    """Placeholders that the template uses: ``First Name``, ``firstName`` and ``FIRSTNAME`` become ``first_name`` if
    that is how the template writes it."""
    file_name: str | None = None
    """The name that the uploader gave the file, when ``source`` has another. Content decides, never the name."""
    encoding: str | None = None
    """Any encoding that Python knows, when the feed states it; found out otherwise."""
    delimiter: str | None = None
    """One character, when the feed states it; found out otherwise."""
    sheet: str | None = None
    """A spreadsheet's sheet, when the feed states it; the first visible one otherwise."""
    size_limit: int = 4 * 1024**3
    """Bytes of the file as uploaded."""
    expanded_limit: int = 16 * 1024**3
    """Bytes after unpacking."""
    expansion_limit: int = 100
    """How many times its own size a container may unpack to, once it is beyond 64 MiB."""
    row_limit: int = 20_000_000
    """Rows of the file."""
    column_limit: int = 1000
    """Columns of the file."""
    field_limit: int = 1024 * 1024
    """Bytes of one field, in UTF-8."""
    memory_limit: int = 4 * 1024**3
    """Bytes of memory that reading a workbook or Parquet file may take: a million rows of some thirty filled columns."""
    work_folder: Path | None = None
    """Where a container is unpacked while it is read; the system's temporary folder otherwise."""


@dataclass(frozen=True)
class FileWarning:
    """Something noticed in the file that did not stop it: a code of :mod:`nightmail.reasons` and how often it was met."""

    reason: str
    message: str
    count: int = 1
    column: str | None = None
    """The column of the ``contact_file`` table, where it is about one."""
    lines: tuple[int, ...] = ()
    """The first few lines where it was met, at most ten."""


@dataclass(frozen=True)
class FileDecision:
    """Something decided for the whole file: what can be read in two ways is never decided without saying so.

    ``reason`` is a code of :mod:`nightmail.reasons` that begins with ``decided_``; ``message`` says what was decided and by
    what, with counts.
    """

    reason: str
    message: str
    column: str | None = None
    """The column of the ``contact_file`` table, where it is about one."""
    count: int | None = None
    """Rows or values that it concerns, where they were counted."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values: ``reason, message, column, count``."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ContactFileSummary:
    """What a contact file turned out to be.

    ``rows`` counts the rows of the file: header, blank lines and what stands before the header are not rows.
    ``rows == rows_read + rows_rejected`` always.
    """

    format: str
    """``csv``, ``xlsx``, ``ods``, ``json_lines`` or ``parquet``."""
    container: str | None
    """``gzip``, ``zip`` or ``zstd``, with the inner file's name where it has one; None for a plain file."""
    inner_name: str | None
    """The name of the file inside the container, where it has one."""
    encoding: str | None
    """``utf-8``, ``utf-16``, ``windows-1252``, ...; None for formats that are not text."""
    encoding_certainty: str | None
    """``certain`` (a byte order mark, or valid UTF-8 beyond ASCII), ``likely`` or ``unsure``."""
    encoding_evidence: str | None
    """A sentence: what shows that it is this encoding."""
    delimiter: str | None
    """The delimiter of a CSV file."""
    line_end: str | None
    """``LF``, ``CRLF``, ``CR`` or ``mixed``, for text."""
    sheet: str | None
    """The sheet that was read, for a spreadsheet."""
    header_line: int | None
    """The line that the header stands on; None for formats without one."""
    header: tuple[str, ...]
    """The header as written, for every column of the file, in order."""
    mapping: Mapping[str, str]
    """Each header that was taken, as written, to the column of the ``contact_file`` table; in the file's order."""
    size: int
    """Bytes of the file as uploaded."""
    sha256: str
    """SHA-256 of the file as uploaded, in hex."""
    rows: int
    """Rows of the file."""
    rows_read: int
    """Rows in the ``contact_file`` table."""
    rows_rejected: int
    """Rows that are broken as rows: distinct lines in ``options.rejects``."""
    by_reason: Mapping[str, int]
    """Rejected rows by reason."""
    warnings: tuple[FileWarning, ...]
    """What was noticed; each with a sentence for people."""
    own_rejects: bool
    """Whether this is one of Nightmail's reject files, corrected and uploaded again."""
    decisions: tuple[FileDecision, ...] = ()
    """What was decided for the whole file, and by what."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the ``contact_file`` table after ``line``, in order."""
        return tuple(self.mapping.values())

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, as stored in the table's metadata."""
        values = asdict(self)
        values["mapping"] = dict(self.mapping)
        values["by_reason"] = dict(self.by_reason)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ContactFileSummary:
        """The summary that :meth:`as_dict` wrote."""
        taken = dict(values)
        taken["header"] = tuple(taken["header"])
        taken["warnings"] = tuple(
            FileWarning(**{**warning, "lines": tuple(warning["lines"])}) for warning in taken["warnings"]
        )
        taken["decisions"] = tuple(FileDecision(**decision) for decision in taken.get("decisions", ()))
        return cls(**taken)


def contact_file_summary(table: TableFile) -> ContactFileSummary:
    """The summary kept in a ``contact_file`` table's metadata. Raises ``KeyError`` for any other table."""
    metadata = table.schema().metadata or {}
    return ContactFileSummary.from_dict(json.loads(metadata[METADATA_KEY.encode()]))
