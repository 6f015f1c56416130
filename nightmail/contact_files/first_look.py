"""A first look at an upload: what is no table is refused while its uploader still waits."""

from __future__ import annotations

from pathlib import Path

from nightmail.contact_files.formats import content_format
from nightmail.contact_files.openpgp import is_encrypted
from nightmail.contact_files.unpacking import is_container


def refuse_what_is_no_table(path: Path, name: str) -> None:
    """Raise :class:`nightmail.errors.ContactFileError` (``file_not_text``, ``file_protected``, ``file_unreadable``) for a file
    that is surely none. What would have to be unpacked or decrypted first is left to the preparation.
    """
    if not is_encrypted(name) and not is_container(path):
        content_format(path)
