"""Charts: where each mark stands, for three widths; the macros of ``parts/charts.html`` draw them as SVG.

>>> chart = stacked_bars(["Mon", "Tue"], [Series("delivered", "Delivered", [120, 96]), Series("failed", "Failed", [3, 1])])

A series' key is one of those that ``tokens.css`` has a colour for. Beside each drawing stand the figures as a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SERIES_KEYS = frozenset({"delivered", "under-way", "undelivered", "failed", "in-doubt", "held", "other"})
_TOP, _BOTTOM, _LEFT, _RIGHT = 10.0, 26.0, 52.0, 6.0
_SIZES = {"widest": (1500, 250), "wide": (920, 230), "narrow": (400, 210)}
_MOST_LABELS = {"widest": 20, "wide": 12, "narrow": 5}


@dataclass(frozen=True)
class Series:
    """One row of values under a name, in the order of the chart's labels."""

    key: str
    label: str
    values: Sequence[float]


@dataclass(frozen=True)
class Mark:
    """One rectangle, or one point of a line."""

    key: str
    x: float
    y: float
    width: float
    height: float
    label: str
    series: str
    value: float


@dataclass(frozen=True)
class GridLine:
    """A line at a round value."""

    y: float
    value: float


@dataclass(frozen=True)
class AxisLabel:
    """A word below the drawing."""

    x: float
    text: str


@dataclass(frozen=True)
class Drawing:
    """A chart in one width, in units of its view box."""

    name: str
    width: int
    height: int
    grid: tuple[GridLine, ...]
    marks: tuple[Mark, ...]
    labels: tuple[AxisLabel, ...]

    @property
    def left(self) -> float:
        """Where lines begin."""
        return _LEFT

    @property
    def right(self) -> float:
        """Where lines end."""
        return self.width - _RIGHT

    @property
    def path(self) -> str:
        """The points of a line as the data of an SVG path."""
        return " ".join(f"{'ML'[at > 0]}{mark.x:.1f} {mark.y:.1f}" for at, mark in enumerate(self.marks))

    @property
    def area(self) -> str:
        """The surface below a line."""
        if not self.marks:
            return ""
        ground = self.height - _BOTTOM
        return f"{self.path} L{self.marks[-1].x:.1f} {ground:.1f} L{self.marks[0].x:.1f} {ground:.1f} Z"


@dataclass(frozen=True)
class Chart:
    """A chart with its figures."""

    kind: Literal["bars", "line"]
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    drawings: tuple[Drawing, ...]


def stacked_bars(labels: Sequence[str], series: Sequence[Series]) -> Chart:
    """A bar for each label, made of the series one above the other in their order."""
    totals = [sum(each.values[at] for each in series) for at in range(len(labels))]
    highest = _ceiling(max(totals, default=0))
    drawings = tuple(_bars(name, labels, series, highest) for name in _SIZES)
    return Chart("bars", tuple(labels), tuple(series), drawings)


def line(labels: Sequence[str], series: Series) -> Chart:
    """One line over the labels, with its surface."""
    highest = _ceiling(max(series.values, default=0))
    drawings = tuple(_line(name, labels, series, highest) for name in _SIZES)
    return Chart("line", tuple(labels), (series,), drawings)


def _bars(name: str, labels: Sequence[str], series: Sequence[Series], highest: float) -> Drawing:
    width, height = _SIZES[name]
    room = height - _TOP - _BOTTOM
    step = (width - _LEFT - _RIGHT) / max(len(labels), 1)
    thick = min(step * 0.7, 44.0)
    marks: list[Mark] = []
    for at, label in enumerate(labels):
        ground = height - _BOTTOM
        for each in series:
            tall = each.values[at] / highest * room
            ground -= tall
            if tall:
                x = _LEFT + at * step + (step - thick) / 2
                marks.append(Mark(each.key, x, ground, thick, tall, label, each.label, each.values[at]))
    middles = [_LEFT + (at + 0.5) * step for at in range(len(labels))]
    return Drawing(name, width, height, _grid(height, highest), tuple(marks), _axis(name, labels, middles))


def _line(name: str, labels: Sequence[str], series: Series, highest: float) -> Drawing:
    width, height = _SIZES[name]
    room = height - _TOP - _BOTTOM
    step = (width - _LEFT - _RIGHT - 16) / max(len(labels) - 1, 1)
    places = [_LEFT + 8 + at * step for at in range(len(labels))]
    marks = tuple(
        Mark(series.key, x, height - _BOTTOM - value / highest * room, 0, 0, label, series.label, value)
        for x, value, label in zip(places, series.values, labels, strict=True)
    )
    return Drawing(name, width, height, _grid(height, highest), marks, _axis(name, labels, places))


def _grid(height: float, highest: float) -> tuple[GridLine, ...]:
    room = height - _TOP - _BOTTOM
    step = _round_step(highest)
    count = round(highest / step)
    return tuple(GridLine(height - _BOTTOM - at * step / highest * room, at * step) for at in range(count + 1))


def _axis(name: str, labels: Sequence[str], places: Sequence[float]) -> tuple[AxisLabel, ...]:
    every = max(1, math.ceil(len(labels) / _MOST_LABELS[name]))
    return tuple(AxisLabel(places[at], labels[at]) for at in range(0, len(labels), every))


def _ceiling(value: float) -> float:
    step = _round_step(value)
    return max(step, math.ceil(value / step) * step)


def _round_step(value: float) -> float:
    """A round distance of grid lines: 1, 2 or 5 times a power of ten, so that there are three to five of them above the ground."""
    if value <= 0:
        return 1.0
    rough = value / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return max(step, 1.0)
