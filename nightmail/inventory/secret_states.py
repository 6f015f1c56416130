"""Whether a secret is where its reference says: never what it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SecretState:
    """A secret by its reference. ``there`` says whether this process finds it; other processes may be given others."""

    source: str
    """``env``, ``file`` or ``none``, where no secret is stated."""
    name: str
    """The variable, or the file's name without its folder."""
    there: bool


def secret_state(reference: str | None) -> SecretState:
    """Look for the secret of a reference, without reading it."""
    scheme, _, name = (reference or "").partition(":")
    if scheme == "env":
        return SecretState("env", name, bool(os.environ.get(name)))
    if scheme == "file":
        return SecretState("file", Path(name).name, Path(name).is_file())
    return SecretState("none", "", False)
