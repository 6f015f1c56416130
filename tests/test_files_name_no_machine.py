"""No file of the product names a path of somebody's machine, or a host that packages come from."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
# Written in pieces, so that this file does not find itself.
MACHINE_PATHS = re.compile(
    "|".join(("/" + "root/", "/" + "home/[a-z]", "/" + "Users/[A-Za-z]", "/" + "work/", "C:" + r"\\Users"))
)
REGISTRY_HOSTS = re.compile(
    "|".join(
        ("pypi" + r"\.org", "python" + "hosted", "registry" + r"\.npmjs", "npm" + r"js\.org", "extra-" + "index-url")
    )
)
BINARY = {".png", ".xlsx", ".ods", ".gz", ".zip", ".zst", ".parquet", ".wav", ".mp3", ".ico", ".pdf", ".bin"}


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [CHECKOUT / name for name in done.stdout.decode().split("\0") if name]


@pytest.mark.parametrize(("what", "pattern"), [("a machine's path", MACHINE_PATHS), ("a registry", REGISTRY_HOSTS)])
def test_no_file_names(what: str, pattern: re.Pattern[str]) -> None:
    found = []
    for path in _tracked():
        if path.suffix in BINARY or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(CHECKOUT)}:{number} names {what}: {line.strip()[:100]}")
    assert not found
