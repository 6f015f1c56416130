"""Contact files: what a data team uploads, in whatever format, read into one table of strings with line numbers.

:func:`read_contact_file` is the stage ``contact_file``. What a value means (a phone number, a country) is decided in
:mod:`nightmail.contacts`; here it is decided what the rows and the columns are.
"""

from __future__ import annotations

from nightmail.contact_files.reading import read_contact_file
from nightmail.contact_files.summary import (
    METADATA_KEY,
    OWN_COLUMNS,
    ContactFileSummary,
    FileWarning,
    ReadOptions,
    contact_file_summary,
)

__all__ = [
    "METADATA_KEY",
    "OWN_COLUMNS",
    "ContactFileSummary",
    "FileWarning",
    "ReadOptions",
    "contact_file_summary",
    "read_contact_file",
]
