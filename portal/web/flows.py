"""A flow from step to step: where each step and each stream stands; the macro of ``parts/flow.html`` draws it as SVG.

Steps stand in columns. A step is as tall as its number says, and has room for its name and number beside it; streams are bands
between two steps. Steps with nothing in them are left out of the drawing; they are in the table beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1000
_BAR = 10.0
_SLOT = 40.0
_GAP = 6.0
_TALLEST = 190.0
_TOP = 8.0
_LEAST = 2.5


@dataclass(frozen=True)
class FlowStep:
    """One number: ``key`` names it, ``tone`` is a series of ``tokens.css``, ``address`` leads to its rows (or is empty)."""

    key: str
    column: int
    label: str
    count: int
    tone: str
    address: str = ""


@dataclass(frozen=True)
class FlowStream:
    """How many of one step go on to another."""

    source: str
    target: str
    count: int


@dataclass(frozen=True)
class Box:
    """A step where it stands."""

    step: FlowStep
    x: float
    y: float
    height: float

    @property
    def text_x(self) -> float:
        """Where its name begins."""
        return self.x + _BAR + 7


@dataclass(frozen=True)
class Band:
    """A stream as the data of an SVG path."""

    path: str
    tone: str
    label: str
    count: int


@dataclass(frozen=True)
class FlowDrawing:
    """What is drawn, in units of its view box, and every step for the table."""

    width: int
    height: int
    bar: float
    boxes: tuple[Box, ...]
    bands: tuple[Band, ...]
    steps: tuple[FlowStep, ...]


def draw(steps: Sequence[FlowStep], streams: Sequence[FlowStream], columns: int) -> FlowDrawing:
    """Measure a flow out."""
    shown = [step for step in steps if step.count or step.column == 0]
    going = [stream for stream in streams if stream.count]
    tallest = max((_weight(step, going) for step in shown), default=0) or 1
    scale = _TALLEST / tallest
    boxes: dict[str, Box] = {}
    bottoms: list[float] = []
    for column in range(columns):
        top = _TOP
        for step in (each for each in shown if each.column == column):
            height = max(_weight(step, going) * scale, _LEAST)
            x = column * (WIDTH - 120) / max(columns - 1, 1)
            boxes[step.key] = Box(step, round(x, 1), round(top, 1), round(height, 1))
            top += max(height, _SLOT) + _GAP
        bottoms.append(top)
    return FlowDrawing(
        WIDTH,
        round(max(bottoms, default=_SLOT)) + 2,
        _BAR,
        tuple(boxes.values()),
        tuple(_bands(going, boxes, scale)),
        tuple(steps),
    )


def _weight(step: FlowStep, streams: Sequence[FlowStream]) -> int:
    """What a step's height stands for: no stream that comes or goes is wider than it."""
    comes = sum(stream.count for stream in streams if stream.target == step.key)
    goes = sum(stream.count for stream in streams if stream.source == step.key)
    return max(step.count, comes, goes)


def _bands(streams: Sequence[FlowStream], boxes: dict[str, Box], scale: float) -> list[Band]:
    left: Counter[str] = Counter()
    right: Counter[str] = Counter()
    bands = []
    for stream in streams:
        if stream.source not in boxes or stream.target not in boxes:
            continue
        start, end = boxes[stream.source], boxes[stream.target]
        thick = max(stream.count * scale, 1.0)
        top = start.y + right[stream.source] * scale
        bottom = end.y + left[stream.target] * scale
        right[stream.source] += stream.count
        left[stream.target] += stream.count
        label = f"{start.step.label} → {end.step.label}"
        bands.append(Band(_band(start.x + _BAR, top, end.x, bottom, thick), end.step.tone, label, stream.count))
    return bands


def _band(x: float, y: float, to_x: float, to_y: float, thick: float) -> str:
    middle = (x + to_x) / 2
    return (
        f"M{x:.1f} {y:.1f} C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f} "
        f"V{to_y + thick:.1f} C{middle:.1f} {to_y + thick:.1f} {middle:.1f} {y + thick:.1f} {x:.1f} {y + thick:.1f} Z"
    )
