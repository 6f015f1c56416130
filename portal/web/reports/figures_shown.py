"""What a report's page shows of its figures: tiles, charts and tables, in the reader's words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from babel import Locale
from babel.dates import format_date

from nightmail.channels import CHANNELS
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_figures import UNKNOWN, Breakdown, ReportFigures, Totals
from nightmail.reports.report_words import reason_in_words
from nightmail.reports.stored_figures import Asked
from portal.web.charts import Chart, Series, stacked_bars
from portal.web.formats import LOCALES
from portal.web.translating import gettext, marked, spoken_language
from resources.carriers import CARRIERS

OUTCOME_LABELS = {
    "delivered": marked("Delivered"),
    "under_way": marked("Under way"),
    "undelivered": marked("Undelivered"),
    "failed": marked("Failed"),
    "in_doubt": marked("In doubt"),
    "held": marked("Held"),
    "not_sent": marked("Not sent"),
}
SERIES_OF_OUTCOME = {
    "delivered": "delivered",
    "under_way": "under-way",
    "undelivered": "undelivered",
    "failed": "failed",
    "in_doubt": "in-doubt",
    "held": "held",
    "not_sent": "other",
}
LINES_SHOWN = 12
"""Lines of a table of parts that are shown at first."""
REASONS_SHOWN = 20


@dataclass(frozen=True)
class Tile:
    """One figure of the page's top; ``before`` is the same of the days before. ``kind`` says how it is written."""

    label: str
    value: object
    before: object | None
    note: str = ""
    kind: str = "figure"
    currency: str = ""

    @property
    def change(self) -> float | None:
        """How much more than before, as a share of it; ``None`` where nothing was before."""
        if self.before is None or not self.before or self.value is None:
            return None
        return float(self.value) / float(self.before) - 1  # type: ignore[arg-type]


@dataclass(frozen=True)
class Line:
    """One part in a table: its name in words, the address of its own report, its rows by outcome."""

    label: str
    address: str
    part: Breakdown


@dataclass(frozen=True)
class Because:
    """One reason in a table."""

    outcome: str
    label: str
    code: str
    rows: int


def tiles_of(now: Totals, before: Totals | None) -> list[Tile]:
    """The figures to be seen at a glance, in the order of the way that a row takes."""

    def tile(label: str, value: Callable[[Totals], object], note: str = "", kind: str = "figure") -> Tile:
        return Tile(label, value(now), value(before) if before else None, note, kind)

    share = tile(
        gettext("Delivered share"), lambda totals: totals.delivered_share, gettext("of what is final"), "percent"
    )
    found = [
        tile(gettext("Rows of files"), lambda totals: totals.counts.get("file_rows", 0)),
        tile(gettext("Contacts"), lambda totals: totals.counts.get("contacts", 0)),
        tile(gettext("Messages"), lambda totals: totals.numbers["messages"]),
        tile(gettext("Handed off"), lambda totals: totals.sent),
        tile(gettext("Delivered"), lambda totals: totals.outcomes["delivered"]),
        share,
        tile(gettext("Undelivered"), lambda totals: totals.outcomes["undelivered"]),
        tile(gettext("Failed"), lambda totals: totals.outcomes["failed"]),
        tile(gettext("In doubt"), lambda totals: totals.outcomes["in_doubt"]),
        tile(gettext("Held"), lambda totals: totals.outcomes["held"]),
        tile(gettext("Opt-outs"), lambda totals: totals.counts.get("opt_outs", 0)),
        tile(gettext("Replies"), lambda totals: totals.counts.get("replies", 0)),
        tile(gettext("Opened"), lambda totals: totals.numbers["opened"]),
        tile(gettext("Clicked"), lambda totals: totals.numbers["clicked"]),
        tile(gettext("Segments"), lambda totals: totals.numbers["segments"]),
        tile(gettext("Receipt within a minute"), _within_a_minute, gettext("of those with a receipt"), "percent"),
    ]
    for currency in sorted({*now.costs, *(before.costs if before else ())}):
        label = gettext("Cost in {currency}").format(currency=currency or "?")
        earlier = before.costs.get(currency) if before else None
        found.append(Tile(label, now.costs.get(currency, 0), earlier, kind="money", currency=currency or "XXX"))
    return found


def _within_a_minute(totals: Totals) -> float | None:
    timed = totals.numbers["timed"]
    return totals.numbers["within_1min"] / timed if timed else None


def days_chart(figures: ReportFigures, asked: Asked) -> Chart | None:
    """Rows of each day by outcome; the days without rows too. ``None`` for a single day."""
    if asked.days == 1:
        return None
    known = {part.name: part for part in figures.days}
    days = [asked.since + dt.timedelta(days=number) for number in range(asked.days)]
    nothing = Breakdown("", dict.fromkeys(OUTCOMES, 0))
    locale = LOCALES.get(spoken_language(), spoken_language())
    labels = [str(format_date(day, "d MMM", locale=locale)) for day in days]
    return _chart(labels, [known.get(day.isoformat(), nothing) for day in days])


def hours_chart(figures: ReportFigures) -> Chart | None:
    """What was handed off in each UTC hour of the day."""
    return _chart([f"{int(part.name):02}:00" for part in figures.hours], figures.hours) if figures.hours else None


def parts_of_whole(figures: ReportFigures) -> list[tuple[str, str, int]]:
    """The outcomes that there are, for a bar of shares."""
    return [
        (SERIES_OF_OUTCOME[name], gettext(OUTCOME_LABELS[name]), figures.outcomes[name])
        for name in OUTCOMES
        if figures.outcomes[name]
    ]


def channel_lines(parts: Iterable[Breakdown]) -> list[Line]:
    """Channels under their names."""
    labels = {channel.name: channel.label for channel in CHANNELS.values()}
    return [Line(labels.get(part.name, gettext("None: held before")), "", part) for part in parts]


def country_lines(parts: Iterable[Breakdown]) -> list[Line]:
    """Countries under their names in the reader's language."""
    territories = Locale.parse(spoken_language()).territories
    unknown = gettext("Not known")
    return [
        Line(unknown if part.name == UNKNOWN else str(territories.get(part.name, part.name)), "", part)
        for part in parts
    ]


def named_lines(parts: Iterable[Breakdown], address: Callable[[str], str]) -> list[Line]:
    """Feeds, teams and campaigns, each with the address of its own report."""
    return [Line(part.name, address(part.name), part) for part in parts]


def reason_lines(figures: ReportFigures) -> list[Because]:
    """Why some did not arrive, most first."""
    return [
        Because(each.outcome, reason_in_words(each.reason, CARRIERS.meaning_of), each.reason, each.rows)
        for each in figures.reasons[:REASONS_SHOWN]
    ]


def _chart(labels: Sequence[str], parts: Sequence[Breakdown]) -> Chart:
    present = [name for name in OUTCOMES if any(part.outcomes[name] for part in parts)] or ["delivered"]
    series = [
        Series(SERIES_OF_OUTCOME[name], gettext(OUTCOME_LABELS[name]), [part.outcomes[name] for part in parts])
        for name in present
    ]
    return stacked_bars(labels, series)
