"""Contact files: what a data team uploads, in any supported format, read into one table of strings with line numbers.

What belongs here: unpacking and decrypting, recognising the format, encoding, dialect and header, which column is which
field, and splitting the file into rows or rejects. :func:`read_contact_file` is the stage ``contact_file``. What does not:
what a value means (a phone number, a country, an amount), which is :mod:`nightmail.row_checks`, and what a feed demands of
a file, which is :mod:`nightmail.preparation`.

What has two readings is decided by what the file shows elsewhere, and listed in the summary's ``decisions``, or its row is
rejected. Imports are inside functions where each costs start-up time that most files do not need: the reading itself, for
the process of its own that reads workbooks and Parquet; in that process, the reader of the one format;
``charset_normalizer``, for text in other scripts; and ``pysequoia``, for encrypted files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightmail.contact_files.summary import (
    METADATA_KEY,
    OWN_COLUMNS,
    ContactFileSummary,
    FileDecision,
    FileWarning,
    ReadOptions,
    contact_file_summary,
)

if TYPE_CHECKING:
    from nightmail.contact_files.reading import read_contact_file

__all__ = [
    "METADATA_KEY",
    "OWN_COLUMNS",
    "ContactFileSummary",
    "FileDecision",
    "FileWarning",
    "ReadOptions",
    "contact_file_summary",
    "read_contact_file",
]


def __getattr__(name: str) -> object:
    """Import the reading when it is asked for: the process of its own that reads a typed file starts without it."""
    if name == "read_contact_file":
        from nightmail.contact_files.reading import read_contact_file

        return read_contact_file
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
