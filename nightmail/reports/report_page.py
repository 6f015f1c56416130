"""The page of a delivery report: one self-contained HTML file with charts, in light and dark, for the eye and the ear.

No script, no font, no request: the page can be mailed, archived, or opened from a folder ten years later. Each chart is
inline SVG with a title and a description, and the same figures stand in a table below it. Colours are never the only
sign: every part is labelled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import fsspec

from nightmail.channels import CHANNELS
from nightmail.lake import TableFile
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_charts import LABELS, bars_chart, columns_chart, share_chart
from nightmail.reports.report_figures import Breakdown, ReportFigures, report_figures
from nightmail.reports.report_style import STYLE
from nightmail.reports.report_sums import WITHIN_S
from nightmail.reports.report_words import MeaningOf, reason_in_words

if TYPE_CHECKING:
    import pyarrow as pa

EXPLAINED = {
    "delivered": "the carrier says that it arrived",
    "under_way": "taken by the carrier, no final receipt yet",
    "undelivered": "taken by the carrier, and it did not arrive",
    "failed": "refused by the carrier at hand-off",
    "in_doubt": "nobody knows yet whether the carrier took it",
    "held": "not sent, for a reason that is respected",
    "not_sent": "cancelled or expired",
}
ROWS_SHOWN = 12
_TABLE_ROWS = 200


def write_report_page(table: TableFile, day: dt.date, meaning_of: MeaningOf, figures: ReportFigures) -> str:
    """Write the page of a day's delivery report beside it, with the figures that the portal shows; return its URL."""
    page = page_url(table)
    written = render_page(figures, f"{day:%A}, {day.day} {day:%B %Y}", meaning_of, "All times are UTC.")
    filesystem, path = fsspec.core.url_to_fs(page)
    folder = path.rsplit("/", 1)[0]
    aside = f"{folder}/.report.html.aside"
    with filesystem.open(aside, "w", encoding="utf-8") as handle:
        handle.write(written)
    filesystem.mv(aside, path)
    if filesystem.exists(earlier := f"{folder}/report.html"):
        filesystem.rm(earlier)
    return page


def move_earlier_page(table: TableFile) -> None:
    """Give the page that an earlier version wrote today's name."""
    filesystem, path = fsspec.core.url_to_fs(page_url(table))
    earlier = f"{path.rsplit('/', 1)[0]}/report.html"
    if filesystem.exists(earlier):
        filesystem.mv(earlier, path)


def page_url(table: TableFile) -> str:
    """Return where the page of a day's delivery report is.

    Readers of a whole folder of Parquet files skip what begins with an underscore, and fail on any other page.
    """
    return f"{table.url.rsplit('/', 1)[0]}/_report.html"


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
    names = sorted({part.name.partition("/")[0] for part in figures.feeds})
    teams = ", ".join(names[:6]) + (" and others" if len(names) > 6 else "")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>Delivery report, {escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header><div><p class="eyebrow">Delivery report</p><h1>{escape(title)}</h1></div>'
        f'<p class="soft small">{escape(teams)}</p></header>\n{body}\n'
        f"<footer><p>{escape(note)} People are counted, never named: the report holds no address.</p></footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _charts(figures: ReportFigures, meaning_of: MeaningOf) -> str:
    cards = []
    if len(figures.days) > 1:
        cards.append(_columns_card("Days", "UTC day", figures.days, [part.name for part in figures.days]))
    if figures.hours:
        labels = [f"{int(part.name):02}:00" for part in figures.hours]
        cards.append(_columns_card("Hand-offs by hour", "UTC hour", figures.hours, labels))
    cards.append(_bars_card("Channels", figures.channels, _channel_names()))
    cards.append(_bars_card("Feeds and teams", figures.feeds, {}))
    cards.append(_bars_card("Countries", figures.countries, _country_names(figures.countries)))
    cards.append(_campaigns_card(figures))
    cards.append(_reasons_card(figures, meaning_of))
    return f'{_tiles(figures)}\n{_share_card(figures)}\n<div class="grid">\n{"".join(cards)}</div>'


def _channel_names() -> dict[str, str]:
    return {**{channel.name: channel.label for channel in CHANNELS.values()}, "unknown": "None: held"}


def _tiles(figures: ReportFigures) -> str:
    share = figures.delivered_share
    numbers, counts = figures.totals.numbers, figures.totals.counts
    tiles = []
    if "file_rows" in counts:
        tiles.append(("Rows of files", f"{counts['file_rows']:,}", "of campaigns prepared on these days"))
        tiles.append(("Contacts", f"{counts.get('contacts', 0):,}", f"{counts.get('rejects', 0):,} rows rejected"))
    tiles += [
        ("Messages", f"{numbers['messages']:,}", ""),
        ("Handed off", f"{figures.sent:,}", f"{figures.segments:,} segments" if figures.segments else ""),
        (
            "Delivered",
            f"{figures.outcomes['delivered']:,}",
            f"{share:.1%} of final outcomes" if share is not None else "",
        ),
        ("Undelivered", f"{figures.outcomes['undelivered']:,}", ""),
        ("Failed", f"{figures.outcomes['failed']:,}", "refused at hand-off"),
        ("In doubt", f"{figures.outcomes['in_doubt']:,}", ""),
        ("Held", f"{figures.outcomes['held']:,}", "with a reason each"),
    ]
    for currency, amount in figures.costs.items():
        tiles.append((f"Cost in {currency}" if currency else "Cost", f"{amount:,.2f}", "estimated or charged"))
    if numbers["timed"]:
        shares = {name: numbers[name] / numbers["timed"] for name in WITHIN_S}
        tiles.append(
            ("Receipt within 1 min", f"{shares['within_1min']:.1%}", f"{shares['within_1h']:.1%} within an hour")
        )
    if numbers["opened"]:
        tiles.append(("Opened", f"{numbers['opened']:,}", f"{numbers['clicked']:,} clicked"))
    if numbers["answered"] or counts.get("replies"):
        tiles.append(("Replies", f"{counts.get('replies', 0):,}", f"{numbers['answered']:,} messages answered"))
    if "opt_outs" in counts:
        tiles.append(("Opt-outs", f"{counts['opt_outs']:,}", "and complaints"))
    cells = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)}{f"<small>{escape(below)}</small>" if below else ""}</dd></div>'
        for name, value, below in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _country_names(parts: Sequence[Breakdown]) -> dict[str, str]:
    # Babel costs the code server a tenth of a second, and only a run writes pages.
    from babel import Locale

    territories = Locale("en").territories
    return {part.name: str(territories.get(part.name, part.name)) for part in parts}


def _share_card(figures: ReportFigures) -> str:
    """What became of every message, and of every contact that was held."""
    legend = "".join(
        f'<li><span class="swatch {name}" aria-hidden="true"></span>{LABELS[name]} <b>{figures.outcomes[name]:,}</b>'
        f' <span class="soft">{EXPLAINED[name]}</span></li>'
        for name in OUTCOMES
        if figures.outcomes[name]
    )
    return (
        f'<section class="card"><h2>What became of {figures.rows:,} messages and held contacts</h2>'
        f'{share_chart(figures)}<ul class="legend">{legend}</ul></section>'
    )


def _columns_card(title: str, head: str, parts: Sequence[Breakdown], labels: Sequence[str]) -> str:
    rows = [
        (label, *(f"{part.outcomes[name]:,}" for name in OUTCOMES))
        for part, label in zip(parts, labels, strict=True)
        if part.total
    ]
    return (
        f'<section class="card wide"><h2>{title}</h2>{columns_chart(title, parts, labels)}'
        f"<details><summary>The figures</summary>{_table(title, (head, *LABELS.values()), rows)}</details></section>"
    )


def _bars_card(title: str, parts: Sequence[Breakdown], names: Mapping[str, str]) -> str:
    """The largest parts as bars, and a table of all of them."""
    shown = parts[:ROWS_SHOWN]
    rows = [
        (names.get(part.name, part.name), *(f"{part.outcomes[name]:,}" for name in OUTCOMES))
        for part in parts[:_TABLE_ROWS]
    ]
    more = f'<p class="soft small">and {len(parts) - len(shown)} more</p>' if len(parts) > len(shown) else ""
    return (
        f'<section class="card"><h2>{title}</h2>{bars_chart(title, shown, names)}{more}'
        f"<details><summary>The figures</summary>{_table(title, ('', *LABELS.values()), rows)}</details></section>"
    )


def _reasons_card(figures: ReportFigures, meaning_of: MeaningOf) -> str:
    if not figures.reasons:
        return '<section class="card"><h2>Why some did not arrive</h2><p class="soft">Everything went out and arrived.</p></section>'
    rows = []
    for outcome, reason, count in figures.reasons[:ROWS_SHOWN]:
        rows.append((reason_in_words(reason, meaning_of), LABELS[outcome], f"{count:,}"))
    more = len(figures.reasons) - ROWS_SHOWN
    below = f'<p class="soft small">and {more} more reasons</p>' if more > 0 else ""
    table = _table("", ("reason", "outcome", "messages"), rows, numbers_from=2)
    return f'<section class="card"><h2>Why some did not arrive</h2>{table}{below}</section>'


def _campaigns_card(figures: ReportFigures) -> str:
    rows = []
    for part in figures.campaigns:
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
    rest = figures.campaign_count - len(figures.campaigns)
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
