"""The drawing of a flow: steps do not overlap, bands stay within their steps, nothing that counts is left out."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.web.flows import FlowStep, FlowStream, draw


@settings(max_examples=60)
@given(counts=st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
def test_steps_have_room_and_bands_stay_within_them(counts: list[int]) -> None:
    total = sum(counts)
    steps = [FlowStep("all", 0, "All", total, "other")]
    steps += [FlowStep(f"s{at}", 1, f"Step {at}", count, "failed") for at, count in enumerate(counts)]
    drawing = draw(steps, [FlowStream("all", f"s{at}", count) for at, count in enumerate(counts)], 2)
    assert drawing.steps == tuple(steps)
    assert {box.step.key for box in drawing.boxes} == {"all"} | {f"s{at}" for at, count in enumerate(counts) if count}
    column = [box for box in drawing.boxes if box.step.column == 1]
    for upper, lower in pairwise(column):
        assert lower.y >= upper.y + max(upper.height, 34)
    assert all(box.y >= 0 and box.y + box.height <= drawing.height for box in drawing.boxes)
    assert sum(band.count for band in drawing.bands) == total
    (source,) = (box for box in drawing.boxes if box.step.key == "all")
    for band in drawing.bands:
        top = float(re.match(r"M[-0-9.]+ ([-0-9.]+)", band.path)[1])  # type: ignore[index]
        assert source.y - 0.1 <= top <= source.y + source.height + 1.1
