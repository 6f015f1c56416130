"""What docs/security.md claims to be shown by a test is shown by one, and no requirement of the chapters is left out."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "docs" / "security.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| ([0-9.]+(?: to [0-9.]+)?) \| (yes|partly|no|does not apply) \| (.+?) \| (.*?) ?\|$", PAGE, re.MULTILINE
)
SECTIONS = {
    "2.1": 12,
    "2.2": 3,
    "2.3": 3,
    "2.4": 5,
    "2.5": 7,
    "2.6": 3,
    "2.7": 6,
    "2.8": 6,
    "2.9": 3,
    "2.10": 4,
    "3.1": 1,
    "3.2": 4,
    "3.3": 4,
    "3.4": 5,
    "3.5": 3,
    "3.7": 1,
    "4.1": 5,
    "4.2": 2,
    "4.3": 3,
    "5.1": 5,
    "5.2": 8,
    "5.3": 10,
    "7.1": 4,
    "7.2": 2,
    "7.3": 4,
    "7.4": 3,
    "14.3": 3,
    "14.4": 7,
    "14.5": 4,
}
"""The last number of each section of ASVS 4.0.3 that level 2 has."""
DELETED = {"4.1.4", "7.3.2", "14.3.1"}
"""Numbers that the standard has taken back."""


def test_each_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 80
    missing = []
    for file, test in named:
        place = CHECKOUT / file
        if not place.is_file() or (test and f"def {test}(" not in place.read_text("utf-8")):
            missing.append(f"{file}::{test}")
    assert not missing


def test_each_requirement_is_answered_once() -> None:
    answered: list[str] = []
    for number, *_ in ROWS:
        first, _, last = number.partition(" to ")
        section, _, start = first.rpartition(".")
        end = int(last.rpartition(".")[2]) if last else int(start)
        answered += [f"{section}.{each}" for each in range(int(start), end + 1)]
    wanted = {f"{section}.{number}" for section, most in SECTIONS.items() for number in range(1, most + 1)} - DELETED
    assert len(answered) == len(set(answered))
    assert set(answered) == wanted


def test_what_is_met_names_its_test_and_what_is_not_says_why() -> None:
    for number, met, why, shown in ROWS:
        assert why.strip(), number
        if met in ("yes", "partly"):
            assert "tests/" in shown, number
