"""What an analyst does with the lake: the data dictionary's queries, pandas on the folder, codes, sums by currency."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from commands.code_values import code_lists
from commands.documentation import DOCS, lake_tables
from commands.report import read_rows, summed
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.lake import Lake
from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.reports.campaign_messages import report_lines
from nightmail.reports.earlier_layout import mend_earlier_days
from nightmail.reports.report_figures import report_figures
from tests.support.pipeline_rig import PipelineRig, contact_rows

TODAY = dt.datetime.now(dt.UTC).date()
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def lake(rig: PipelineRig) -> Lake:
    """Two days' reports of a campaign of twelve rows: two days, three currencies, every kind of outcome."""
    rig.prepared(contact_rows(12))
    rig.change("update message set state = 'handing_over', carrier_account_id = (select min(id) from carrier_account)")
    rig.change(
        "update message set state = case when line in (12, 13) then 'failed' else 'accepted' end, attempts = 1,"
        " reason = case when line in (12, 13) then 'address_refused' end,"
        " handed_off_at = case when line < 4 then now() - interval '1 day' when line < 12 then now() end,"
        " delivery = case when line in (2, 5, 6) then 'delivered' when line = 4 then 'clicked' when line = 7 then 'bounced'"
        " when line = 8 then 'sent' end, delivery_at = now(),"
        " opened_at = case when line = 4 then now() end, clicked_at = case when line = 4 then now() end,"
        " cost = case when line = 11 then null else 0.05 end, currency = case when line = 11 then null else 'EUR' end,"
        " cost_charged = case line when 5 then 0.071 when 6 then 7 when 7 then 0.06 end,"
        " cost_charged_currency = case line when 5 then 'USD' when 6 then 'JPY' when 7 then 'EUR' end"
    )
    for day in (TODAY - dt.timedelta(days=1), TODAY):
        run = rig.defs.resolve_job_def("report").execute_in_process(
            partition_key=day.isoformat(), instance=rig.instance
        )
        assert run.success
    return rig.lake


def _queries(lake: Lake) -> dict[str, Any]:
    """Run the blocks of the data dictionary as they stand there, on this lake; return what they name."""
    found: dict[str, Any] = {}
    text = (DOCS / "data-dictionary.md").read_text(encoding="utf-8")
    for block in _BLOCK.findall(text):
        exec(block.replace("nightmail-data/lake", lake.url.removeprefix("file://")), found)
    return found


def test_the_queries_of_the_data_dictionary_give_what_the_command_says(rig: PipelineRig, lake: Lake) -> None:
    """Each sum equals that of `nightmail report` over the same days, and of the page."""
    days = lake.partitions("delivery_report", "day")
    assert len(days) == 2
    rows = read_rows(lake, days, None)
    totals, figures = (
        summed(rows),
        report_figures(pa.concat_tables(lake.table("delivery_report", d, "day").read() for d in days)),
    )
    assert totals["costs"] == figures.costs
    assert totals["costs"] == {"EUR": Decimal("0.36"), "JPY": Decimal(7), "USD": Decimal("0.071")}
    with rig.engine.connect() as connection:
        (key,) = {*rows["campaign"].to_pylist()}
        lines = [line for line in report_lines(connection, get_campaign(connection, key)) if line.state == "accepted"]
    by_api: Counter[str] = Counter()
    for line in lines:
        assert (line.cost is None) == (line.currency is None)
        if line.currency is not None:
            by_api[line.currency] += line.cost
    assert by_api == totals["costs"]
    assert sum(line.messages for line in lines) == totals["accepted"]
    found = _queries(lake)
    (outcomes,) = found["outcomes"].fetchall()
    said = dict(zip(found["outcomes"].columns, outcomes, strict=True))
    assert said == {name: totals[name] for name in said}
    assert (said["accepted"], said["delivered"], said["undelivered"], said["failed"]) == (10, 4, 1, 2)
    costs: dict[str, Decimal] = {}
    by_day: set[dt.date] = set()
    for day, _team, _channel, currency, cost in found["costs"].fetchall():
        costs[currency] = costs.get(currency, Decimal(0)) + cost
        by_day.add(day)
    assert costs == totals["costs"]
    assert by_day == {TODAY, TODAY - dt.timedelta(days=1)}
    usage = found["usage"].fetchall()
    assert {currency: cost for currency, cost, *_ in usage if cost is not None} == totals["costs"]
    assert sum(row[2] for row in usage) == totals["accepted"]
    assert sum(row[3] for row in usage) == totals["delivered"]
    assert (
        sum(row[-1] for row in found["reasons"].fetchall()) == totals["undelivered"] + totals["failed"] + totals["held"]
    )
    assert found["charges"].fetchall() == [("twilio", "EUR", Decimal("0.06"), Decimal("0.05"))]
    ((channel, seconds, delivered, opened, clicked),) = found["times"].fetchall()
    assert (channel, delivered, opened, clicked) == ("sms", totals["delivered"], 1, 1) and seconds >= 0
    assert found["cost_by_currency"].to_dict() == totals["costs"]
    assert found["delivered"] == totals["delivered"]


def test_pandas_reads_the_folder_of_reports(lake: Lake) -> None:
    """One schema in all partitions; the page, and a file that is still aside, are no part of the table."""
    folder = Path(lake.url.removeprefix("file://")) / "delivery_report"
    (folder / f"day={TODAY}" / ".0123.aside").write_bytes(b"half of a file")
    assert (folder / f"day={TODAY}" / "_report.html").exists()
    table = pd.read_parquet(folder)
    assert len(table) == 12
    assert set(table.columns) == {*DELIVERY_REPORT.names, "day"}
    assert set(table["day"].astype(str)) == {str(TODAY), str(TODAY - dt.timedelta(days=1))}
    assert len(pd.read_parquet(folder.parent / "usage_report")) > 0


def test_partitions_of_an_earlier_version_are_brought_to_todays_columns(tmp_path: Path) -> None:
    """Their day was a column, their page had another name, and later columns are missing: all can be read together."""
    lake = Lake(str(tmp_path))
    days = [dt.date(2026, 11, number) for number in (1, 2, 3)]
    same = {"team_date": days[0], "team": "acme", "campaign": "c", "template": "t", "category": "g", "line": 2}
    row = {**same, "contact_id": "c", "state": "accepted", "cost": Decimal("0.05"), "currency": "EUR"}
    earlier = [name for name in DELIVERY_REPORT.names if name in row or name in ("status", "opened")]
    for day in days:
        table = pa.Table.from_pylist([row], pa.schema([DELIVERY_REPORT.field(name) for name in earlier]))
        table = table.add_column(0, pa.field("day", pa.date32(), nullable=False), [[day]])
        file = lake.table("delivery_report", day.isoformat(), "day")
        file.write(table)
        Path(file.url).with_name("report.html").write_text("<p>")
    assert mend_earlier_days(lake, dt.date(2026, 11, 30)) == 3
    assert mend_earlier_days(lake, dt.date(2026, 11, 30)) == 0
    read = pd.read_parquet(tmp_path / "delivery_report")
    assert len(read) == 3 and set(read.columns) == {*DELIVERY_REPORT.names, "day"}
    assert read["delivered"].isna().all() and set(read["cost"]) == {Decimal("0.05")}
    assert {file.name for file in tmp_path.rglob("*.html")} == {"_report.html"}


def test_the_lake_holds_no_code_that_the_dictionary_does_not_list(lake: Lake) -> None:
    """Every code column of every table that the run wrote."""
    listed = {column: set(each.codes) for each in code_lists() if each.codes for column in each.columns}
    for name, (_, kind) in lake_tables().items():
        for partition in lake.partitions(name, kind):
            table = lake.table(name, partition, kind).read()
            for column in table.column_names:
                if (known := listed.get(f"{name}.{column}")) is not None:
                    values = table[column].to_pylist()
                    flat = {v for value in values for v in (value if isinstance(value, list) else [value])}
                    assert flat - {None} <= known, f"{name}.{column}"
