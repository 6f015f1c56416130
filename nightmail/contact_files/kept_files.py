"""Where an uploaded contact file is kept until retention deletes it."""

from __future__ import annotations

import re
from pathlib import Path


def incoming_path(folder: Path, name: str, marker: str) -> Path:
    """Return where an uploaded file is kept: ``folder/marker/name``; the folder is made, for its owner only.

    The name is stripped of everything that could lead elsewhere; ``marker`` tells uploads of one name apart.
    """
    plain = re.sub(r"[^\w.\- ]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ") or "file"
    plain = plain.encode()[-180:].decode(errors="ignore")
    destination = folder / marker / plain
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.parent.chmod(0o700)
    return destination
