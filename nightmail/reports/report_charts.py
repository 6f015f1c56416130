"""The charts of a report's page: inline SVG, each with a title and a description for the ear.

Colours are never the only sign: each part has its label or its title. What a chart shows stands in a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_figures import Breakdown, ReportFigures

LABELS = {
    "delivered": "Delivered",
    "under_way": "Under way",
    "undelivered": "Undelivered",
    "failed": "Failed",
    "in_doubt": "In doubt",
    "held": "Held",
    "not_sent": "Not sent",
}
"""What each outcome is called, in the order in which parts of a chart follow one another."""
_LABEL_WIDTH = 48
"""A part of the bar of shares that is narrower has no label."""
_LABEL_SPACE = 74
"""What the label of a day or an hour takes under its column."""


def share_chart(figures: ReportFigures) -> str:
    """One bar of everything: the share of each outcome that there is."""
    width, height = 1000.0, 44.0
    x = 0.0
    parts = []
    present = [name for name in OUTCOMES if figures.outcomes[name]]
    for name in present:
        count = figures.outcomes[name]
        part = width * count / figures.rows
        label = (
            f'<text class="on" x="{x + part / 2:.1f}" y="{height / 2 + 4:.1f}" text-anchor="middle" '
            f'style="fill:var(--on);font-weight:600">{count / figures.rows:.0%}</text>'
        )
        parts.append(
            f'<rect class="{name}" x="{x:.2f}" y="0" width="{max(part - 2, 1):.2f}" height="{height:.0f}" rx="4">'
            f"<title>{LABELS[name]}: {count:,}</title></rect>{label if part > _LABEL_WIDTH else ''}"
        )
        x += part
    described = ", ".join(f"{LABELS[name].lower()} {figures.outcomes[name]:,}" for name in present)
    return _svg(width, height, "Share of each outcome", described, "".join(parts))


def columns_chart(title: str, parts: Sequence[Breakdown], labels: Sequence[str]) -> str:
    """Columns stacked by outcome, one for each of ``parts`` in their order: days or hours, with a label each."""
    width, height, left, bottom, top = 1000.0, 240.0, 52.0, 26.0, 8.0
    plot_w, plot_h = width - left, height - bottom - top
    highest = max(part.total for part in parts) or 1
    ceiling, steps = round_ceiling(highest)
    content = []
    for step in range(steps + 1):
        y = top + plot_h * (1 - step / steps)
        content.append(
            f'<line class="{"base" if step == 0 else "grid-line"}" x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{_short(ceiling * step / steps)}</text>'
        )
    slot = plot_w / len(parts)
    bar = max(min(slot * 0.82, 54.0), 1.0)
    every = max(1, -(-len(parts) * _LABEL_SPACE // int(plot_w)))
    for number, (part, label) in enumerate(zip(parts, labels, strict=True)):
        x = left + slot * number + (slot - bar) / 2
        y = top + plot_h
        for name in OUTCOMES:
            if count := part.outcomes[name]:
                tall = plot_h * count / ceiling
                y -= tall
                content.append(
                    f'<rect class="{name}" x="{x:.1f}" y="{y:.2f}" width="{bar:.1f}" height="{tall:.2f}" '
                    f'rx="{min(2.5, tall / 2):.1f}"><title>{escape(label)}: {count:,} {LABELS[name].lower()}</title></rect>'
                )
        if number % every == 0:
            content.append(f'<text x="{x + bar / 2:.1f}" y="{height - 6}" text-anchor="middle">{escape(label)}</text>')
    described = f"from {labels[0]} to {labels[-1]}, at most {highest:,}; the table has every figure"
    return _svg(width, height, title, described, "".join(content))


def bars_chart(title: str, parts: Sequence[Breakdown], names: Mapping[str, str]) -> str:
    """Horizontal bars stacked by outcome, in the order of ``parts``; ``names`` are their names for people."""
    width, row, left, right = 560.0, 34.0, 132.0, 148.0
    longest = max(part.total for part in parts)
    content = []
    for number, part in enumerate(parts):
        y = number * row
        name = names.get(part.name, part.name)
        content.append(f'<text class="ink" x="0" y="{y + 19}" style="font-size:13px">{escape(_cut(name, 19))}</text>')
        x = left
        for outcome in OUTCOMES:
            count = part.outcomes[outcome]
            if count:
                size = (width - left - right) * count / longest
                content.append(
                    f'<rect class="{outcome}" x="{x:.2f}" y="{y + 5}" width="{max(size - 1, 0.8):.2f}" height="20" '
                    f'rx="3"><title>{escape(name)}: {count:,} {LABELS[outcome].lower()}</title></rect>'
                )
                x += size
        share = part.delivered_share
        content.append(
            f'<text class="strong" x="{x + 8:.1f}" y="{y + 19}">{part.total:,}'
            f'<tspan style="font-weight:400;fill:var(--soft)">'
            f"{f'  {share:.0%} delivered' if share is not None else ''}</tspan></text>"
        )
    described = "; ".join(f"{names.get(part.name, part.name)} {part.total:,}" for part in parts)
    return _svg(width, row * len(parts), title, described, "".join(content))


def _svg(width: float, height: float, title: str, described: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}: {escape(described)}" '
        f'preserveAspectRatio="xMinYMid meet">{content}</svg>'
    )


def round_ceiling(value: int) -> tuple[float, int]:
    """A round number at or above ``value``, and into how many steps it divides well."""
    magnitude = 1
    while magnitude * 10 <= value:
        magnitude *= 10
    for factor, steps in ((1, 2), (2, 4), (3, 3), (4, 4), (5, 5), (6, 3), (8, 4), (10, 5)):
        if factor * magnitude >= value:
            ceiling = factor * magnitude
            return (float(ceiling), steps) if ceiling >= steps else (float(ceiling), 1)
    raise AssertionError("ten times the magnitude is always enough")


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} M"
    return f"{value / 1000:g} k" if value >= 10_000 else f"{value:,.0f}"


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"
