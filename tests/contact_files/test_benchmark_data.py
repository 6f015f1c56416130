"""The benchmark's data is what it says, and the benchmark runs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest

from tests.support.contact_data import COUNTRIES, contact_rows, write_contact_csv

pytestmark = pytest.mark.end_to_end


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    made = write_contact_csv(tmp_path / "a.csv", 3000, seed=3)
    assert write_contact_csv(tmp_path / "b.csv", 3000, seed=3) == made
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    write_contact_csv(tmp_path / "c.csv", 3000, seed=4)
    assert (tmp_path / "a.csv").read_bytes() != (tmp_path / "c.csv").read_bytes()
    assert sum(1 for _ in csv.reader((tmp_path / "a.csv").open(encoding="utf-8"))) == 3001


def test_the_shares_are_those_stated() -> None:
    rows = list(contact_rows(20_000))
    share = {
        kind: sum(wrong == kind for _, wrong in rows) / len(rows) for kind in ("phone", "email", "both", "duplicate")
    }
    assert 0.025 < share["phone"] + share["both"] < 0.035
    assert 0.015 < share["email"] + share["both"] < 0.025
    assert 0.035 < share["duplicate"] < 0.045
    assert {row[5] for row, _ in rows} == {country.code for country in COUNTRIES}
    good = [row for row, wrong in rows if not wrong][:4000]
    national = sum(not row[3].startswith(("+", "00")) for row in good) / len(good)
    assert 0.27 < national < 0.33
    valid = sum(phonenumbers.is_valid_number(phonenumbers.parse(row[3], row[5])) for row in good)
    assert valid > 0.999 * len(good)


def test_the_benchmark_prints_what_it_promises() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.prepare", "--rows", "1500", "--until", "messages", "--json"],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )
    answer = json.loads(done.stdout)
    assert list(answer["stages"]) == ["contact_file", "contacts", "audience", "messages"]
    for figures in (*answer["stages"].values(), answer["total"], answer["peer"]):
        assert figures.keys() == {"rows", "wall_s", "cpu_s", "rows_per_cpu_s", "peak_rss_mb"}
    assert answer["ratio"] > 0
    assert answer["agrees"]
    assert answer["outcome"]["contacts"] > 1300
