"""The page of a delivery report: one self-contained HTML file with charts, in light and dark, for the eye and the ear.

No script, no font, no request: the page can be mailed, archived, or opened from a folder ten years later. Each chart is
inline SVG with a title and a description, and the same figures stand in a table below it. Colours are never the only
sign: every part is labelled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

import fsspec

from nightmail.channels import CHANNELS
from nightmail.lake import TableFile
from nightmail.reasons import REASONS
from nightmail.reports.report_figures import (
    OUTCOMES,
    Breakdown,
    ReportFigures,
    report_figures,
)

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = {
    "delivered": "Delivered",
    "under_way": "Under way",
    "undelivered": "Undelivered",
    "failed": "Failed",
    "held": "Held",
    "not_sent": "Not sent",
}
EXPLAINED = {
    "delivered": "the carrier says that it arrived",
    "under_way": "taken by the carrier, no final receipt yet",
    "undelivered": "taken by the carrier, and it did not arrive",
    "failed": "refused by the carrier at hand-off",
    "held": "not sent, for a reason that is respected",
    "not_sent": "cancelled, expired, or in doubt",
}
ROWS_SHOWN = 12

_STYLE = """
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #16202c; --soft: #55616f; --line: #dfe4ea; --grid: #e8ecf1; --accent: #1d4ed8;
  --delivered: #0c8267; --under_way: #3f74e0; --undelivered: #b45f06; --failed: #bb2c47; --held: #66717f; --not_sent: #8e6fc0; --on: #ffffff; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0e131a; --card: #161d27; --ink: #e8edf4; --soft: #9fabba; --line: #27313e; --grid: #222c38; --accent: #8ab0ff;
  --delivered: #34c49f; --under_way: #7aa5ff; --undelivered: #f0a63a; --failed: #f0718a; --held: #8996a8; --not_sent: #bda6e6; --on: #0b1016; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, sans-serif;
  -webkit-font-smoothing: antialiased; }
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { display: flex; flex-wrap: wrap; align-items: flex-end; justify-content: space-between; gap: .5rem 2rem; margin-bottom: 1.75rem; }
h1 { font-size: 2rem; line-height: 1.15; letter-spacing: -.02em; margin: 0; font-weight: 680; }
h2 { font-size: 1.0625rem; letter-spacing: -.005em; margin: 0 0 .15rem; font-weight: 640; }
p { margin: 0; } .soft { color: var(--soft); } .small { font-size: .875rem; }
.eyebrow { color: var(--soft); font-size: .8125rem; letter-spacing: .08em; text-transform: uppercase; margin-bottom: .4rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1.25rem 1.35rem 1.35rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: .9rem; margin: 0 0 .9rem; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 1rem 1.15rem; }
.tile dt { color: var(--soft); font-size: .875rem; } .tile dd { margin: .1rem 0 0; font-size: 1.75rem; font-weight: 660;
  letter-spacing: -.02em; font-variant-numeric: tabular-nums; line-height: 1.2; }
.tile dd small { display: block; font-size: .8125rem; font-weight: 400; color: var(--soft); letter-spacing: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: .9rem; margin-top: .9rem; align-items: start; }
.wide { grid-column: 1 / -1; }
svg { display: block; width: 100%; height: auto; margin-top: .9rem; overflow: visible; }
svg text { fill: var(--soft); font-size: 12px; font-family: inherit; font-variant-numeric: tabular-nums; }
svg text.ink { fill: var(--ink); } svg text.strong { fill: var(--ink); font-weight: 600; }
svg .grid-line { stroke: var(--grid); stroke-width: 1; } svg .base { stroke: var(--line); stroke-width: 1; }
.delivered { fill: var(--delivered); background: var(--delivered); } .under_way { fill: var(--under_way); background: var(--under_way); }
.undelivered { fill: var(--undelivered); background: var(--undelivered); } .failed { fill: var(--failed); background: var(--failed); }
.held { fill: var(--held); background: var(--held); } .not_sent { fill: var(--not_sent); background: var(--not_sent); }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1.15rem; list-style: none; padding: 0; margin: .9rem 0 0; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; } .legend b { font-variant-numeric: tabular-nums; font-weight: 620; }
.swatch { width: .75rem; height: .75rem; border-radius: 3px; flex: none; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin-top: .75rem; font-size: .875rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; } th { text-align: left; font-weight: 560; color: var(--soft); }
th, td { padding: .42rem .6rem .42rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child > * { border-bottom: 0; } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; padding-right: 0; padding-left: .8rem; }
th[scope=row] { color: var(--ink); font-weight: 420; overflow-wrap: anywhere; }
.keys th[scope=row] { white-space: nowrap; padding-right: 0; font-size: .8125rem; }
details { margin-top: .8rem; font-size: .875rem; } summary { cursor: pointer; color: var(--accent); border-radius: 6px; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
.empty { padding: 3rem 1rem; text-align: center; } footer { margin-top: 2rem; color: var(--soft); font-size: .8125rem; }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } details { display: none; } }
"""


MeaningOf = Callable[[str], str]
"""What a carrier's error code means, in a few words; empty for a code that no carrier's table has."""


def write_report_page(table: TableFile, day: dt.date, meaning_of: MeaningOf) -> str:
    """Write ``report.html`` beside a day's delivery report; returns its address."""
    page = f"{table.url.rsplit('/', 1)[0]}/report.html"
    written = report_page(table.read(), f"{day:%A}, {day.day} {day:%B %Y}", meaning_of, "All times are UTC.")
    filesystem, path = fsspec.core.url_to_fs(page)
    aside = f"{path.rsplit('/', 1)[0]}/.report.html.aside"
    with filesystem.open(aside, "w", encoding="utf-8") as handle:
        handle.write(written)
    filesystem.mv(aside, path)
    return page


def report_page(table: pa.Table, title: str, meaning_of: MeaningOf, note: str = "") -> str:
    """The whole page for the rows of a delivery report: of a day, of several, or of one campaign."""
    return render_page(report_figures(table), title, meaning_of, note)


def render_page(figures: ReportFigures, title: str, meaning_of: MeaningOf, note: str = "") -> str:
    """The whole page for figures."""
    body = (
        _charts(figures, meaning_of)
        if figures.rows
        else '<div class="card empty"><p>Nothing was sent or held.</p></div>'
    )
    teams = ", ".join(figures.teams[:6]) + (" and others" if len(figures.teams) > 6 else "")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Delivery report, {escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header><div><p class="eyebrow">Delivery report</p><h1>{escape(title)}</h1></div>'
        f'<p class="soft small">{escape(teams)}</p></header>\n{body}\n'
        f"<footer><p>{escape(note)} People are counted, never named: the report holds no address.</p></footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _charts(figures: ReportFigures, meaning_of: MeaningOf) -> str:
    cards = [_timeline_card(figures)] if figures.timeline else []
    cards.append(_bars_card("Channels", figures.channels, _channel_names()))
    cards.append(_bars_card("Countries", figures.countries, _country_names(figures.countries)))
    cards.append(_reasons_card(figures, meaning_of))
    cards.append(_campaigns_card(figures))
    return f'{_tiles(figures)}\n{_whole_card(figures)}\n<div class="grid">\n{"".join(cards)}</div>'


def _channel_names() -> dict[str, str]:
    return {**{channel.name: channel.label for channel in CHANNELS.values()}, "unknown": "None: held"}


def _tiles(figures: ReportFigures) -> str:
    share = figures.delivered_share
    tiles = [
        ("Handed off", f"{figures.sent:,}", f"{figures.segments:,} segments" if figures.segments else ""),
        (
            "Delivered",
            f"{figures.outcomes['delivered']:,}",
            f"{share:.1%} of final outcomes" if share is not None else "",
        ),
        ("Undelivered", f"{figures.outcomes['undelivered']:,}", ""),
        ("Failed", f"{figures.outcomes['failed']:,}", "refused at hand-off"),
        ("Held", f"{figures.outcomes['held']:,}", "with a reason each"),
    ]
    for currency, amount in list(figures.costs.items())[:2]:
        tiles.append((f"Cost in {currency}" if currency else "Cost", f"{amount:,.2f}", "estimated or charged"))
    if figures.seconds_to_status is not None:
        median, slow = figures.seconds_to_status
        tiles.append(("Time to receipt", _seconds(median), f"95 in 100 within {_seconds(slow)}"))
    if figures.replied or figures.opened:
        tiles.append(("Answered", f"{figures.replied:,}", f"{figures.opened:,} opened, {figures.clicked:,} clicked"))
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}{f"<small>{escape(below)}</small>" if below else ""}</dd></div>'
        for name, value, below in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _seconds(value: float) -> str:
    if value < 90:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"


def _whole_card(figures: ReportFigures) -> str:
    """One bar of everything: what became of every message and of every contact that was held."""
    width, height = 1000.0, 44.0
    x = 0.0
    parts = []
    present = [name for name in OUTCOMES if figures.outcomes[name]]
    for name in present:
        count = figures.outcomes[name]
        part = width * count / figures.rows
        label = f"{count / figures.rows:.0%}"
        shown = f'<text class="on" x="{x + part / 2:.1f}" y="{height / 2 + 4:.1f}" text-anchor="middle" style="fill:var(--on);font-weight:600">{label}</text>'
        parts.append(
            f'<rect class="{name}" x="{x:.2f}" y="0" width="{max(part - 2, 1):.2f}" height="{height:.0f}" rx="4">'
            f"<title>{LABELS[name]}: {count:,}</title></rect>{shown if part > 48 else ''}"
        )
        x += part
    described = ", ".join(f"{LABELS[name].lower()} {figures.outcomes[name]:,}" for name in present)
    legend = "".join(
        f'<li><span class="swatch {name}" aria-hidden="true"></span>{LABELS[name]} <b>{figures.outcomes[name]:,}</b>'
        f' <span class="soft">{EXPLAINED[name]}</span></li>'
        for name in present
    )
    return (
        f'<section class="card"><h2>What became of {figures.rows:,} messages and held contacts</h2>'
        f'{_svg(width, height, "Share of each outcome", described, "".join(parts))}<ul class="legend">{legend}</ul></section>'
    )


def _svg(width: float, height: float, title: str, described: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}: {escape(described)}" '
        f'preserveAspectRatio="xMinYMid meet">{content}</svg>'
    )


def _timeline_card(figures: ReportFigures) -> str:
    """Columns of hand-offs over time, stacked by outcome."""
    width, height, left, bottom, top = 1000.0, 240.0, 52.0, 26.0, 8.0
    plot_w, plot_h = width - left, height - bottom - top
    highest = max(sum(counts.values()) for _, counts in figures.timeline) or 1
    ceiling, steps = _nice(highest)
    content = []
    for step in range(steps + 1):
        value = ceiling * step / steps
        y = top + plot_h * (1 - step / steps)
        content.append(
            f'<line class="{"base" if step == 0 else "grid-line"}" x1="{left}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{_short(value)}</text>'
        )
    slot = plot_w / len(figures.timeline)
    bar = max(min(slot * 0.82, 54.0), 1.0)
    # So many labels fit under the plot.
    every = max(1, -(-len(figures.timeline) * 74 // int(plot_w)))
    form = "%H:%M" if figures.bin_s >= 60 else "%H:%M:%S"
    for number, (start, counts) in enumerate(figures.timeline):
        x = left + slot * number + (slot - bar) / 2
        y = top + plot_h
        for name in OUTCOMES:
            if counts[name]:
                part = plot_h * counts[name] / ceiling
                y -= part
                content.append(
                    f'<rect class="{name}" x="{x:.1f}" y="{y:.2f}" width="{bar:.1f}" height="{part:.2f}" rx="{min(2.5, part / 2):.1f}">'
                    f"<title>{start:{form}}: {counts[name]:,} {LABELS[name].lower()}</title></rect>"
                )
        if number % every == 0:
            content.append(f'<text x="{x + bar / 2:.1f}" y="{height - 6}" text-anchor="middle">{start:{form}}</text>')
    each = f"{figures.bin_s} s" if figures.bin_s < 60 else f"{figures.bin_s // 60} min"
    assert figures.first is not None
    assert figures.last is not None
    described = f"from {figures.first:%H:%M:%S} to {figures.last:%H:%M:%S}, at most {highest:,} in {each}; the table has every interval"
    rows = [
        (f"{start:%Y-%m-%d %H:%M:%S}", *(f"{counts[name]:,}" for name in OUTCOMES))
        for start, counts in figures.timeline
        if any(counts.values())
    ]
    data = _table("Hand-offs over time (UTC)", ("from", *LABELS.values()), rows)
    return (
        f'<section class="card wide"><h2>Hand-offs over time</h2><p class="soft small">Messages in each {each}, UTC</p>'
        f"{_svg(width, height, 'Hand-offs over time', described, ''.join(content))}"
        f"<details><summary>The figures</summary>{data}</details></section>"
    )


def _nice(value: int) -> tuple[float, int]:
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


def _country_names(parts: Sequence[Breakdown]) -> dict[str, str]:
    from babel import Locale

    territories = Locale("en").territories
    return {part.name: str(territories.get(part.name, part.name)) for part in parts}


def _bars_card(title: str, parts: Sequence[Breakdown], names: dict[str, str]) -> str:
    """Horizontal stacked bars, longest first, each with its number."""
    shown = parts[:ROWS_SHOWN]
    width, row, left, right = 560.0, 34.0, 132.0, 148.0
    longest = max(part.total for part in shown)
    content = []
    for number, part in enumerate(shown):
        y = number * row
        name = names.get(part.name, part.name)
        content.append(f'<text class="ink" x="0" y="{y + 19}" style="font-size:13px">{escape(_cut(name, 19))}</text>')
        x = left
        for outcome in OUTCOMES:
            count = part.outcomes[outcome]
            if count:
                size = (width - left - right) * count / longest
                content.append(
                    f'<rect class="{outcome}" x="{x:.2f}" y="{y + 5}" width="{max(size - 1, 0.8):.2f}" height="20" rx="3">'
                    f"<title>{escape(name)}: {count:,} {LABELS[outcome].lower()}</title></rect>"
                )
                x += size
        share = part.delivered_share
        content.append(
            f'<text class="strong" x="{x + 8:.1f}" y="{y + 19}">{part.total:,}'
            f'<tspan style="font-weight:400;fill:var(--soft)">{f"  {share:.0%} delivered" if share is not None else ""}</tspan></text>'
        )
    described = "; ".join(f"{names.get(part.name, part.name)} {part.total:,}" for part in shown)
    rows = [
        (names.get(part.name, part.name), *(f"{part.outcomes[name]:,}" for name in OUTCOMES)) for part in parts[:200]
    ]
    more = f'<p class="soft small">and {len(parts) - len(shown)} more</p>' if len(parts) > len(shown) else ""
    return (
        f'<section class="card"><h2>{title}</h2>'
        f"{_svg(width, row * len(shown), title, described, ''.join(content))}{more}"
        f"<details><summary>The figures</summary>{_table(title, ('', *LABELS.values()), rows)}</details></section>"
    )


def _reasons_card(figures: ReportFigures, meaning_of: MeaningOf) -> str:
    if not figures.reasons:
        return '<section class="card"><h2>Why some did not arrive</h2><p class="soft">Everything went out and arrived.</p></section>'
    rows = []
    for outcome, reason, count in figures.reasons[:ROWS_SHOWN]:
        rows.append((_says(reason, meaning_of), LABELS[outcome], f"{count:,}"))
    more = len(figures.reasons) - ROWS_SHOWN
    below = f'<p class="soft small">and {more} more reasons</p>' if more > 0 else ""
    table = _table("", ("reason", "outcome", "messages"), rows, numbers_from=2)
    return f'<section class="card"><h2>Why some did not arrive</h2>{table}{below}</section>'


def _says(reason: str, meaning_of: MeaningOf) -> str:
    """A reason in words: the registry's sentence, or what a carrier's code means."""
    known = REASONS.get(reason)
    if known is not None and "{" not in known.sentence:
        return known.sentence
    if means := meaning_of(reason):
        return f"{reason}: {means}"
    return reason.replace("_", " ")


_CAMPAIGNS_SHOWN = 50


def _campaigns_card(figures: ReportFigures) -> str:
    rows = []
    for part in figures.campaigns[:_CAMPAIGNS_SHOWN]:
        share = part.delivered_share
        rows.append(
            (
                part.name,
                f"{part.total:,}",
                f"{part.outcomes['delivered']:,}",
                f"{share:.1%}" if share is not None else "–",
            )
        )
    table = _table("", ("campaign", "rows", "delivered", "share"), rows)
    rest = len(figures.campaigns) - _CAMPAIGNS_SHOWN
    more = f'<p class="soft small">and {rest:,} more campaigns</p>' if rest > 0 else ""
    return f'<section class="card keys"><h2>Campaigns</h2>{table}{more}</section>'


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> str:
    head = "".join(
        f'<th scope="col"{" class=number" if column >= numbers_from else ""}>{escape(name)}</th>'
        for column, name in enumerate(header)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(cell)}</th>'
            if column == 0
            else f"<td{' class=number' if column >= numbers_from else ''}>{escape(cell)}</td>"
            for column, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll" tabindex="0"><table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
