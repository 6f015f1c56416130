"""A whole file as it came, before anything is known of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A whole file, stored under ``stored_path``. ``path`` is where it lay: on the server, or what the client named it."""

    source: str
    """``sftp``, ``api``, ``portal`` or ``command``."""
    path: str
    name: str
    size: int
    sha256: str
    stored_path: Path
    modified_at: dt.datetime | None = None
    sftp_server_id: int | None = None
    corrects_id: int | None = None
    """The file whose rejected rows this one holds, corrected."""
