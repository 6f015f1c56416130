"""The files that browsers fetch: what `make setup` keeps, and what it says where it cannot fetch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx

from portal.static.fetching import BUILT
from portal.static.wanted import AXE, WANTED_FILES, WANTED_ICONS
from portal.web.static_files import static_files
from tests.portal.conftest import RunningPortal

CHECKOUT = Path(__file__).resolve().parents[3]


def _fetch(checkout: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal.static.fetching", *options],
        cwd=checkout,
        check=False,
        env={**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def _copy(folder: Path) -> Path:
    """The part of the checkout that fetches, so that a test may break it."""
    place = folder / "portal" / "static"
    shutil.copytree(CHECKOUT / "portal" / "static", place)
    (folder / "portal" / "__init__.py").write_text('"""The portal."""\n')
    return place


def test_only_what_is_wanted_is_kept() -> None:
    kept = {str(path.relative_to(BUILT)) for path in BUILT.rglob("*") if path.is_file()}
    wanted = {file.name for file in WANTED_FILES} | {f"icons/{name}.svg" for name in WANTED_ICONS}
    licences = {name for name in kept if name.startswith("licences/")}
    assert wanted <= kept
    assert kept - wanted - licences <= {AXE.name, "state", "state-development"}
    assert len(licences) == len({file.package for file in WANTED_FILES} | {"heroicons"})


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    place = _copy(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (place / "built").rglob("*")}
    answer = _fetch(tmp_path, "--development", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in (place / "built").rglob("*")} == before


def test_without_a_registry_it_says_so_and_keeps_what_there_was(tmp_path: Path) -> None:
    """Where pip reaches nothing: the product goes on without, development does not."""
    place = _copy(tmp_path)
    (place / "requirements-node.txt").open("a").write("\n")
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    for options, status in (((), 0), (("--development",), 1)):
        answer = _fetch(tmp_path, *options, **nowhere)
        assert answer.returncode == status
        assert "Run" not in answer.stdout
        assert "`make setup`" in answer.stderr
    assert (place / "built" / "htmx.js").is_file()


def test_a_file_has_the_hash_of_its_content_in_its_address(portal: RunningPortal) -> None:
    for file in static_files().by_hashed_name.values():
        answer = portal.client.get(file.address)
        assert answer.status_code == 200
        assert answer.content == file.content
        assert answer.headers["content-type"] == file.media_type
        assert "immutable" in answer.headers["cache-control"]
    plain = httpx.get(f"{portal.url}/static/portal.css", trust_env=False)
    assert plain.status_code == 404
    assert portal.client.get("/static/..%2fwanted.py").status_code == 404
    assert AXE.name not in static_files().by_name
