"""What the pages on security claim to be shown by a test is shown by one, and no requirement of ASVS is left out."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
SECURITY = (CHECKOUT / "docs" / "security.md").read_text("utf-8")
PAGE = (CHECKOUT / "docs" / "security-asvs.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| ([0-9.]+(?: to [0-9.]+)?) \| (yes|partly|no|does not apply) \| (.+?) \| (.*?) ?\|$", PAGE, re.MULTILINE
)
SECTIONS = {
    "1.1": 7,
    "1.2": 4,
    "1.4": 5,
    "1.5": 4,
    "1.6": 4,
    "1.7": 2,
    "1.8": 2,
    "1.9": 2,
    "1.10": 1,
    "1.11": 2,
    "1.12": 2,
    "1.14": 6,
    "2.1": 12,
    "2.2": 3,
    "2.3": 3,
    "2.4": 5,
    "2.5": 7,
    "2.6": 3,
    "2.7": 6,
    "2.8": 7,
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
    "5.4": 3,
    "5.5": 4,
    "6.1": 3,
    "6.2": 6,
    "6.3": 2,
    "6.4": 2,
    "7.1": 4,
    "7.2": 2,
    "7.3": 4,
    "7.4": 3,
    "8.1": 4,
    "8.2": 3,
    "8.3": 8,
    "9.1": 3,
    "9.2": 4,
    "10.2": 2,
    "10.3": 3,
    "11.1": 8,
    "12.1": 3,
    "12.2": 1,
    "12.3": 6,
    "12.4": 2,
    "12.5": 2,
    "12.6": 1,
    "13.1": 5,
    "13.2": 6,
    "13.3": 2,
    "13.4": 2,
    "14.1": 4,
    "14.2": 6,
    "14.3": 3,
    "14.4": 7,
    "14.5": 4,
}
"""The last number of each section of ASVS 4.0.3 that level 2 has."""
DELETED = {"1.4.2", "1.4.3", "1.12.1", "4.1.4", "7.3.2", "13.1.2", "13.2.4", "14.3.1"}
"""Numbers that the standard has taken back."""


def test_each_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", SECURITY + PAGE)
    assert len(named) > 200
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


def test_each_row_stands_under_its_chapter_and_in_order() -> None:
    chapter, last = 0, [0]
    rows = 0
    for line in PAGE.splitlines():
        if heading := re.match(r"## V(\d+): ", line):
            assert int(heading[1]) == chapter + 1
            chapter, last = int(heading[1]), [0]
        elif row := re.match(r"\| ([0-9.]+)(?: to [0-9.]+)? \|", line):
            number = [int(part) for part in row[1].split(".")]
            assert number[0] == chapter, row[1]
            assert number > last, row[1]
            last, rows = number, rows + 1
    assert chapter == 14
    assert rows == len(ROWS), "a row is not of the form that is read here"


def test_the_page_on_security_names_only_what_is_not_wholly_met() -> None:
    unmet = {number for number, met, *_ in ROWS if met in ("no", "partly")}
    named = re.findall(r"\((\d+\.\d+(?:\.\d+)?(?:, \d+\.\d+(?:\.\d+)?)*)\)", SECURITY.partition("## OWASP ASVS")[2])
    assert named
    for number in ", ".join(named).split(", "):
        assert any(each == number or each.startswith(f"{number}.") for each in unmet), number
