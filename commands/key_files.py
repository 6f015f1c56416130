"""API keys in files that only their owner reads."""

from __future__ import annotations

import os
from pathlib import Path

from nightmail.errors import ConfigurationError


def write_key(file: Path, key: str, *, name: str, team: str) -> None:
    """Write a key to a file of mode 0600, its folder made where it is missing.

    Raises :class:`ConfigurationError` (``key_file_unwritable``).
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            os.fchmod(handle.fileno(), 0o600)
            handle.write(key + "\n")
    except OSError as error:
        raise ConfigurationError(
            "key_file_unwritable", key=name, team=team, file=file, problem=error.strerror
        ) from error
