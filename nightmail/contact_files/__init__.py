"""Contact files: what a data team uploads, in whatever format, read into one table of strings with line numbers.

:func:`read_contact_file` is the stage ``contact_file``. What a value means (a phone number, a country) is decided in
:mod:`nightmail.row_checks`; here it is decided what the rows and the columns are.
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
