"""How much a lane takes at a time: little while a carrier is slow or unwell, a fifth of a second's work otherwise."""

from __future__ import annotations

import pytest

from nightmail.sending.sender.lanes import BATCH_S, WINDOW
from tests.support.sender_parts import account, idle_lane


@pytest.mark.parametrize(
    ("latency", "trouble", "window"),
    [(0.0, 0, 16), (0.01, 0, 80), (0.001, 0, WINDOW), (2.0, 0, 8), (0.01, 1, 4)],
)
def test_the_window_is_a_fifth_of_a_seconds_work(latency: float, trouble: int, window: int) -> None:
    lane = idle_lane(account(connections=4))
    lane.latency, lane.trouble = latency, trouble
    assert lane.window == window


def test_a_lane_takes_more_only_when_a_fair_part_of_its_window_is_free() -> None:
    lane = idle_lane(account(connections=4))
    lane.latency = 0.01
    rooms = []
    for lane.outstanding in (0, 40, 41, 80):
        rooms.append(lane.room)
    assert rooms == [80, 40, 0, 0]


def test_a_batch_that_is_not_done_in_time_makes_the_next_one_smaller() -> None:
    """And one that is done in half the time makes it larger again, up to what a request carries."""
    lane = idle_lane(account(channel="email", connections=2), maximum_batch=1000)
    lane.note_batch(1000, 120, BATCH_S + 1)
    assert (lane.batch, lane.window) == (120, 240)
    lane.note_batch(60, 60, 0.1)
    assert lane.batch == 120
    for expected in (240, 480, 960, 1000, 1000):
        lane.note_batch(lane.batch, lane.batch, 0.1)
        assert lane.batch == expected
