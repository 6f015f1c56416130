"""The page of reports: its figures, who sees which, what is taken out, and how it prints."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import event

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_export import SHOWN, SUMS, write_export
from nightmail.reports.report_figures import ReportFigures
from nightmail.reports.report_page import write_report_page
from nightmail.reports.stored_figures import Asked, read_figures
from resources.carriers import CARRIERS
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignedInWindow, SignIn
from tests.portal.web.sample_reports import last_days
from tests.support.seeded_reports import seed_reports, write_days

DAYS = last_days(3)
RANGE = f"since={DAYS[0]}&until={DAYS[-1]}"
SEES, EXPORTS = Permission.REPORT_SEE, Permission.REPORT_EXPORT


@pytest.fixture
def lake(organisation: Organisation, tmp_path: Path) -> Lake:
    """Three days of two teams."""
    lake = Lake(str(tmp_path / "lake"))
    seed_reports(organisation.engine, DAYS, messages=25)
    write_days(organisation.engine, lake, DAYS)
    return lake


def figures_of(organisation: Organisation, *teams: str) -> ReportFigures:
    """The figures of all days."""
    with organisation.engine.connect() as connection:
        return read_figures(connection, Asked(DAYS[0], DAYS[-1], teams or (EVERYWHERE,)))


def tiles(page: str) -> dict[str, str]:
    """The figures at the top of a page or of a file: what each is called, and its value."""
    found = re.findall(r"<dt>([^<]+)</dt>\s*<dd>(?:<span class=\"value\">)?([^<]+)<", page)
    return {name: value.strip() for name, value in found}


def test_the_page_shows_the_figures_of_the_domain_and_so_does_the_file(
    organisation: Organisation, lake: Lake, sign_in: SignIn
) -> None:
    """One truth: page, file and figures say the same of the same day."""
    client = sign_in(SEES, EXPORTS)
    figures = figures_of(organisation)
    shown = tiles(client.get(f"/reports?{RANGE}").text)
    assert shown["Delivered"] == str(figures.outcomes["delivered"]) != "0"
    assert shown["Handed off"] == str(figures.sent)
    assert shown["Rows of files"] == str(figures.totals.counts["file_rows"])
    assert shown["Cost in USD"] == f"US${figures.costs['USD']:,.2f}"
    with organisation.engine.connect() as connection:
        of_day = read_figures(connection, Asked(DAYS[1], DAYS[1], (EVERYWHERE,)))
    table = lake.table("delivery_report", DAYS[1].isoformat(), "day")
    file = tiles(Path(write_report_page(table, DAYS[1], CARRIERS.meaning_of, of_day)).read_text())
    page = tiles(client.get(f"/reports?since={DAYS[1]}").text)
    same = {"Rows of files", "Contacts", "Messages", "Handed off", "Delivered", "Undelivered", "Failed", "In doubt"}
    same |= {"Held", "Replies", "Opt-outs"}
    assert {name: page[name] for name in same} == {name: file[name] for name in same}


def test_a_team_s_analyst_sees_only_theirs(organisation: Organisation, lake: Lake, sign_in: SignIn) -> None:
    """Another team is neither shown nor counted; its name, its feed and its campaign are unknown like what is not there."""
    client = sign_in(SEES, EXPORTS, team="acme.billing")
    page = client.get(f"/reports?{RANGE}")
    assert tiles(page.text)["Messages"] == str(figures_of(organisation, "acme.billing").totals.numbers["messages"])
    assert "acme.billing/visits" in page.text and "acme.care" not in page.text
    foreign = organisation.rows("select key from campaign where key like '%care%' limit 1")[0]["key"]
    for named in ("team=acme.care", "team=acme", "feed=acme.care/visits", f"campaign={foreign}"):
        for address in (
            "/reports?",
            "/reports/export?what=shown&format=csv&",
            "/reports/export?what=sums&format=parquet&",
        ):
            assert client.get(f"{address}{RANGE}&{named}").status_code == 404
    nobody = re.sub("acme.nobody", "X", client.get(f"/reports?{RANGE}&team=acme.nobody").text)
    assert re.sub("acme.care", "X", client.get(f"/reports?{RANGE}&team=acme.care").text) == nobody
    sums = pq.read_table(io.BytesIO(client.get(f"/reports/export?what=sums&format=parquet&{RANGE}").content))
    assert set(sums["team"].to_pylist()) == {"acme.billing"}
    assert sign_in(Permission.CAMPAIGN_SEE).get("/reports").status_code == 404
    assert sign_in(SEES).get(f"/reports/export?{RANGE}").status_code == 404


def test_files_open_with_their_types(organisation: Organisation, lake: Lake, sign_in: SignIn) -> None:
    """CSV, XLSX and Parquet of what is shown and of the sums; all say what the page says, and each is in the audit log."""
    client = sign_in(SEES, EXPORTS)
    figures = figures_of(organisation)

    def taken(what: str, format_: str) -> httpx.Response:
        answer = client.get(f"/reports/export?what={what}&format={format_}&{RANGE}")
        assert answer.status_code == 200
        assert f".{format_}" in answer.headers["content-disposition"]
        return answer

    shown = pq.read_table(io.BytesIO(taken("shown", "parquet").content))
    assert shown.schema.equals(SHOWN)
    rows = shown.to_pylist()
    (everything,) = (row for row in rows if row["part"] == "all")
    assert {name: everything[name] for name in OUTCOMES} == figures.outcomes
    assert {row["name"]: row["amount"] for row in rows if row["part"] == "cost"} == figures.costs
    sums = pq.read_table(io.BytesIO(taken("sums", "parquet").content))
    assert sums.schema.equals(SUMS) and set(sums["day"].to_pylist()) == set(DAYS)
    counted = sums.to_pylist()
    for outcome in OUTCOMES:
        assert sum(row["rows"] for row in counted if row["outcome"] == outcome) == figures.outcomes[outcome]
    assert sum((row["cost"] or 0 for row in counted if row["currency"] == "EUR"), Decimal(0)) == figures.costs["EUR"]

    book = openpyxl.load_workbook(io.BytesIO(taken("sums", "xlsx").content))
    head, *lines = book["sums"].values
    assert list(head) == SUMS.names and len(lines) == sums.num_rows
    assert isinstance(lines[0][0], dt.datetime) and isinstance(lines[0][SUMS.names.index("rows")], int)
    parts = openpyxl.load_workbook(io.BytesIO(taken("shown", "xlsx").content))
    assert {"all", "day", "channel", "feed", "country", "campaign", "reason", "number", "cost"} <= set(parts.sheetnames)
    days = {row[0]: row[1] for row in list(parts["day"].values)[1:]}
    assert days == {part.name: part.total for part in figures.days}

    text = taken("shown", "csv").content.decode("utf-8-sig")
    read = list(csv.DictReader(io.StringIO(text)))
    assert {row["name"]: int(row["rows"]) for row in read if row["part"] == "channel"} == {
        part.name: part.total for part in figures.channels
    }
    entries = organisation.rows("select detail from audit where action = 'report.exported' order by id")
    assert len(entries) == 5 and entries[0]["detail"]["since"] == DAYS[0].isoformat()


def test_a_name_is_no_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    """What comes from outside is text, in CSV and in XLSX."""
    row = dict.fromkeys(SHOWN.names) | {"part": "campaign", "name": '=HYPERLINK("http://x")', "rows": 1}
    table = pa.Table.from_pylist([row], schema=SHOWN)
    for format_ in ("csv", "xlsx"):
        write_export(table, format_, tmp_path / f"out.{format_}")
    assert "'=HYPERLINK" in (tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx")["campaign"]["A2"]
    assert cell.value.startswith("'=HYPERLINK") and cell.data_type == "s"


def test_days_that_make_no_report_are_said_at_their_field(
    organisation: Organisation, lake: Lake, sign_in: SignIn
) -> None:
    """The wrong order, too many, no days at all: the page says so, and keeps what was typed."""
    client = sign_in(SEES)
    for days in ("since=2026-11-30&until=2026-11-01", "since=2020-01-01&until=2026-01-01", "since=yesterday"):
        answer = client.get(f"/reports?{days}&team=acme.billing")
        assert answer.status_code == 422 and 'value="acme.billing"' in answer.text and "error-since" in answer.text
    assert client.get("/reports?period=next_year").status_code == 200
    for period in ("today", "yesterday", "last_30_days", "this_month", "last_month"):
        assert client.get(f"/reports?period={period}").status_code == 200


@pytest.fixture
def statements(organisation: Organisation) -> Iterator[list[str]]:
    """The statements that the portal executes."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    event.listen(organisation.engine, "before_cursor_execute", note)
    yield said
    event.remove(organisation.engine, "before_cursor_execute", note)


def test_the_page_asks_little_and_never_the_ledger(lake: Lake, sign_in: SignIn, statements: list[str]) -> None:
    """At most twelve statements, none of which reads a table that grows with the messages.

    The numbers beside the navigation, which every page asks for, are counted up to a bound by indexes of what waits.
    """
    client = sign_in(SEES)
    client.get(f"/reports?{RANGE}")
    statements.clear()
    assert client.get(f"/reports?{RANGE}&team=acme").status_code == 200
    assert 0 < len(statements) <= 12, statements
    of_page = [each for each in statements if "as undecided_replies" not in each]
    assert len(of_page) == len(statements) - 1
    assert not [each for each in of_page if re.search(r"(from|join) (message|receipt|reply|suppression)\b", each)]


@pytest.mark.needs_program("chromium")
def test_the_page_prints_with_all_its_tables(lake: Lake, signed_in_window: SignedInWindow) -> None:
    """On paper: every table is whole, those of the charts opened, the navigation and the filters gone."""
    opened = signed_in_window(SEES)
    page = opened.open(f"/reports?{RANGE}")
    on_screen = page.locator("table").count()
    page.emulate_media(media="print")
    assert on_screen >= 7
    for number in range(on_screen):
        box = page.locator("table").nth(number).bounding_box()
        assert box is not None and box["height"] > 40
    assert not page.locator("form.filters").is_visible() and not page.locator("nav.side").is_visible()
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", printed)) > 1


def test_the_file_holds_no_address(organisation: Organisation, lake: Lake) -> None:
    """What is exported has no column of a person: neither id, nor hash, nor address."""
    personal = {"contact_id", "address_hash", "message_id", "sent_from"}
    assert personal <= set(DELIVERY_REPORT.names)
    assert not personal & {*SUMS.names, *SHOWN.names}
