"""The environment of a demo that a test starts: a folder and a port of its own, since several may start at once."""

from __future__ import annotations

import os
from pathlib import Path

from commands.supervisor import free_port


def environment_of(folder: Path) -> dict[str, str]:
    """What a demo that keeps everything below ``folder`` is told."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NIGHTMAIL_DATA_DIR": str(folder / "data"),
        "NIGHTMAIL_PORTAL_PORT": str(free_port()),
    }
