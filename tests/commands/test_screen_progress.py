"""What people see of long work: how fast it goes, how long it still takes, and what a large demo asks for beforehand."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands.demo import FEW_ROWS, disk_needed, expectations, refuse_full_disk
from commands.demonstration.pacing import LOOKING_SHARE, paced
from commands.screen import Pace, clock
from nightmail.errors import UnavailableError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_pace_is_that_of_the_last_seconds() -> None:
    """A send that slows down must not be promised its early rate."""
    at = Clock()
    pace = Pace(at)
    assert pace.in_words(0, 10_000) == ""
    for _ in range(10):
        at.now += 1
        told = pace.in_words(int(at.now - 1000) * 500, 10_000)
    assert told == "500/s, 10 s left"
    for second in range(60):
        at.now += 1
        told = pace.in_words(5_000 + second * 10, 10_000)
    assert told.startswith("10/s, "), told


def test_no_time_left_is_told_when_nothing_moves_or_all_is_done() -> None:
    at = Clock()
    pace = Pace(at)
    pace.in_words(5, 10)
    at.now += 5
    assert pace.in_words(5, 10) == ""
    at.now += 5
    assert "left" not in pace.in_words(10, 10)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3_599, "60 min"), (7_260, "2 h 1 min")]
)
def test_seconds_as_people_say_them(seconds: float, told: str) -> None:
    assert clock(seconds) == told


def test_a_look_that_takes_long_is_rarely_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting a million messages takes half a second: done three times a second it would be the main work."""
    at = Clock()
    monkeypatch.setattr("commands.demonstration.pacing.time", SimpleNamespace(monotonic=at))
    looks = 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        at.now += 0.5
        return False

    look_now = paced(look)
    for _ in range(1_000):
        look_now()
        at.now += 0.1
    assert looks <= 100 / (0.5 * LOOKING_SHARE) + 1


def test_a_large_demo_says_what_it_takes_and_refuses_a_disk_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(expectations(FEW_ROWS)) == 1
    told = " ".join(expectations(1_000_000))
    assert "1,000,000 rows" in told and "GB" in told and " min on " in told
    free = SimpleNamespace(free=disk_needed(1_000_000) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: free)
    refuse_full_disk(tmp_path, 1000)
    with pytest.raises(UnavailableError) as caught:
        refuse_full_disk(tmp_path, 1_000_000)
    assert caught.value.reason == "disk_full"
