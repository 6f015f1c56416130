"""``nightmail report``: what became of a day's messages, or a campaign's, from the lake's delivery report."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from commands.screen import Screen, bar_chart, screen, table
from nightmail.errors import NightmailError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from nightmail.lake import Lake

ASSET = "delivery_report"
PARTS = ("state", "status", "channel", "country", "reason")


def report(
    day: str = typer.Option(None, "--day", help="A UTC day, such as 2026-11-23; by default the newest there is."),
    *,
    campaign: str = typer.Option(None, "--campaign", help="Only this campaign, over all days."),
    refresh: bool = typer.Option(False, "--refresh", help="Write the day's report again from the ledger first."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the delivery report of a day or a campaign: counts, cost, a chart, and where its files are."""
    from nightmail.lake import Lake
    from nightmail.settings import settings

    view = screen(json_output)
    _say_where(view)
    lake = Lake(settings().lake)
    if day is not None and campaign is not None:
        raise UsageError("options_contradict", first="--day", second="--campaign")
    if refresh:
        write_reports(lake, _day(day) if day else dt.datetime.now(dt.UTC).date())
    days = lake.partitions(ASSET, "day")
    wanted = days if campaign else [_day(day).isoformat() if day else (days[-1] if days else "")]
    missing = [name for name in wanted if name not in days]
    if missing or not wanted:
        asked_for = next((name for name in missing if name), "any day")
        raise UsageError("report_missing", day=asked_for, known=", ".join(days[-10:]) or "none")
    found = rows_by_day(lake, wanted, campaign)
    if campaign and not found:
        raise UsageError("campaign_unknown", campaign=campaign)
    totals = summed(_joined(found.values()))
    files = report_files(lake, list(found) if campaign else wanted)
    answer = {"ok": True, "days": wanted if campaign is None else [], "campaign": campaign, **totals, "files": files}
    view.answer(answer)
    view.say(f"Delivery report of {campaign or wanted[0]}", style="bold")
    view.show(bar_chart("", chart_values(totals)))
    for part in PARTS[2:]:
        if totals[part]:
            cells = sorted(totals[part].items(), key=lambda item: -item[1])[:15]
            view.show(table(f"By {part}", (part, "messages"), cells, numeric=[1]))
    view.say(f"cost {money(totals['costs']) or 'not known'}; {totals['segments']:,} segments")
    for name in files:
        view.say(f"  {name}", style="cyan")


def _say_where(view: Screen) -> None:
    """Say that this is the sandbox where it is; reading a report needs no database."""
    from commands.local import open_database

    try:
        open_database()
    except NightmailError:
        view.sandbox()


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("day_invalid", value=text) from error


def write_reports(lake: Lake, day: dt.date) -> None:
    """Write one day's delivery report and its page from the ledger, as the pipeline does every few minutes."""
    from commands.local import open_database
    from nightmail.access.principals import EVERYWHERE
    from nightmail.reports.delivery_report import write_day
    from nightmail.reports.report_page import write_report_page
    from nightmail.reports.stored_figures import Asked, read_figures
    from resources.carriers import CARRIERS

    engine = open_database()
    write_day(engine, lake, day)
    with engine.connect() as connection:
        figures = read_figures(connection, Asked(day, day, (EVERYWHERE,)))
    write_report_page(lake.table(ASSET, day.isoformat(), "day"), day, CARRIERS.meaning_of, figures)


_COLUMNS = ("campaign", "line", "message_id", "contact_id", *PARTS, "segments", "cost", "currency")


def read_rows(lake: Lake, days: list[str], campaign: str | None) -> pa.Table:
    """The rows of some days, or of one campaign in them."""
    return _joined(rows_by_day(lake, days, campaign).values())


def rows_by_day(lake: Lake, days: list[str], campaign: str | None) -> dict[str, pa.Table]:
    """The rows of some days, or of one campaign in them, by the days that have any."""
    import pyarrow.compute as pc

    found = {}
    for day in days:
        rows = lake.table(ASSET, day, "day").read(_COLUMNS)
        rows = rows if campaign is None else rows.filter(pc.equal(rows["campaign"], campaign))
        if rows.num_rows:
            found[day] = rows
    return found


def _joined(tables: Iterable[pa.Table]) -> pa.Table:
    import pyarrow as pa

    from nightmail.lake.schemas import DELIVERY_REPORT

    schema = pa.schema([DELIVERY_REPORT.field(name) for name in _COLUMNS])
    return pa.concat_tables([schema.empty_table(), *tables], promote_options="default")


def summed(rows: pa.Table) -> dict[str, Any]:
    """Totals of report rows: messages, what arrived, by part, segments and cost by currency.

    As on the report's page, a fallback that was not needed counts nowhere but in ``state``, and segments and cost are
    those of what a carrier took.
    """
    import pyarrow.compute as pc

    from nightmail.carriers.protocol import NOT_REACHED, REACHED

    states = _counted(rows["state"])
    rows = rows.filter(pc.not_equal(rows["state"], "not_needed"))
    counts = {part: _counted(rows[part]) for part in PARTS} | {"state": states}
    taken = rows.filter(pc.equal(rows["state"], "accepted"))
    accepted = taken.num_rows
    delivered = sum(counts["status"].get(str(status), 0) for status in REACHED)
    undelivered = sum(counts["status"].get(str(status), 0) for status in NOT_REACHED)
    costs: dict[str, Decimal] = {}
    charged = taken.filter(taken["cost"].is_valid()).select(["currency", "cost"])
    for row in charged.group_by("currency").aggregate([("cost", "sum")]).to_pylist():
        costs[row["currency"] or ""] = row["cost_sum"]
    return {
        "messages": rows.num_rows,
        "accepted": accepted,
        "delivered": delivered,
        "undelivered": undelivered,
        "no_receipt_yet": max(accepted - delivered - undelivered, 0),
        "failed": counts["state"].get("failed", 0),
        "held": counts["state"].get("held", 0),
        **counts,
        "segments": pc.sum(taken["segments"]).as_py() or 0,
        "costs": costs,
    }


def _counted(column: Any) -> dict[str, int]:
    import pyarrow.compute as pc

    counted: Counter[str] = Counter()
    for entry in pc.value_counts(column).to_pylist():
        if entry["values"] is not None:
            counted[entry["values"]] += entry["counts"]
    return dict(counted)


def money(costs: dict[str, Decimal]) -> str:
    """Costs by currency for people: ``12.50 EUR, 3.00 USD``."""
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(costs.items()))


def chart_values(totals: dict[str, Any]) -> list[tuple[str, int, str]]:
    """The bars of a report's chart."""
    return [
        ("delivered", totals["delivered"], "green"),
        ("undelivered", totals["undelivered"], "red"),
        ("no receipt yet", totals["no_receipt_yet"], "yellow"),
        ("failed", totals["failed"], "magenta"),
        ("held", totals["held"], "blue"),
    ]


def report_files(lake: Lake, days: list[str]) -> list[str]:
    """Where the days' partitions and pages are."""
    from nightmail.reports.report_page import page_url

    files = []
    for day in days:
        table = lake.table(ASSET, day, "day")
        files += [table.url, page_url(table)]
    return files
