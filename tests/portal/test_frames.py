"""Frames for notebooks: the figures of the page, the same types for every range, and the notebook in the docs runs."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.reports import frames
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_figures import ReportFigures
from nightmail.reports.stored_figures import Asked, read_figures
from tests.portal.conftest import Organisation
from tests.portal.web.people import make_person
from tests.portal.web.sample_reports import last_days
from tests.support.seeded_reports import seed_reports, write_days

DAYS = last_days(10)
FIRST, LAST = DAYS[0], DAYS[-1]
NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "analysts.ipynb"


@pytest.fixture
def source(organisation: Organisation, tmp_path: Path) -> frames.Source:
    """Ten days of two teams."""
    lake = Lake(str(tmp_path / "lake"))
    seed_reports(organisation.engine, DAYS, messages=12)
    write_days(organisation.engine, lake, DAYS)
    return frames.whole_lake(lake.url)


def figures(engine: Engine, *teams: str) -> ReportFigures:
    """What the page shows."""
    with engine.connect() as connection:
        return read_figures(connection, Asked(FIRST, LAST, teams or (EVERYWHERE,)))


def test_frames_and_the_page_show_the_same(organisation: Organisation, source: frames.Source) -> None:
    """By outcome, by day, by campaign, by currency and in the funnel; with a filter too."""
    shown = figures(organisation.engine)
    days = frames.days(FIRST, LAST, source=source)
    assert {name: days[name].sum() for name in OUTCOMES} == shown.outcomes
    assert days["sent"].sum() == shown.sent and days["segments"].sum() == shown.segments
    by_day = days.groupby("day")["rows"].sum()
    assert {f"{day:%Y-%m-%d}": rows for day, rows in by_day.items()} == {part.name: part.total for part in shown.days}
    campaigns = frames.campaigns(FIRST, LAST, source=source)
    assert dict(zip(campaigns["campaign"], campaigns["rows"], strict=True)) == {
        part.name: part.total for part in shown.campaigns
    }
    costs = frames.costs(FIRST, LAST, source=source).groupby("currency", observed=True)["cost"].sum()
    assert costs.to_dict() == shown.costs and all(isinstance(amount, Decimal) for amount in costs)
    messages = frames.messages(FIRST, LAST, source=source)
    assert messages["outcome"].value_counts().to_dict() == {name: rows for name, rows in shown.outcomes.items() if rows}
    funnel = frames.funnel(FIRST, LAST, source=source).set_index("stage")["number"]
    assert funnel["delivered"] == shown.outcomes["delivered"] and funnel["messages"] == shown.totals.numbers["messages"]
    billing = frames.days(FIRST.isoformat(), LAST.isoformat(), team="acme.billing", source=source)
    assert {name: billing[name].sum() for name in OUTCOMES} == figures(organisation.engine, "acme.billing").outcomes
    feed = frames.days(FIRST, LAST, feed="acme.care/visits", source=source)
    assert set(feed["team"]) == {"acme.care"}


def test_weeks_beside_the_weeks_before(source: frames.Source) -> None:
    """Whole weeks from Monday; what has nothing before has no change."""
    weeks = frames.week_over_week(LAST, LAST, source=source)
    (week,) = weeks.to_dict("records")
    monday = LAST - dt.timedelta(days=LAST.weekday())
    assert week["week"] == pd.Timestamp(monday)
    days = frames.days(monday, LAST, source=source)
    before = frames.days(monday - dt.timedelta(days=7), monday - dt.timedelta(days=1), source=source)
    assert (week["sent"], week["sent_before"]) == (days["sent"].sum(), before["sent"].sum())
    assert week["sent_change"] == pytest.approx(week["sent"] / week["sent_before"] - 1)
    longer = frames.week_over_week(monday - dt.timedelta(days=14), LAST, source=source)
    assert len(longer) == 3 and list(longer["sent_before"][1:]) == list(longer["sent"][:-1])


def test_a_pivot_adds_up(source: frames.Source) -> None:
    """Days down, feeds across; a column that is not there is said with those that are."""
    days = frames.days(FIRST, LAST, source=source)
    table = frames.pivot(days, rows="day", columns="feed", values="delivered")
    assert table.to_numpy().sum() == days["delivered"].sum() and len(table) == len(DAYS)
    with pytest.raises(UsageError, match="delivered_share"):
        frames.pivot(days, rows="day", columns="feed", values="no_such")


def test_an_empty_range_has_the_same_columns_and_types(source: frames.Source) -> None:
    """So that what works on a month works on a quiet Sunday."""
    long_ago = dt.date(2020, 1, 1)
    for name, columns in frames.COLUMNS.items():
        make = getattr(frames, name)
        full, empty = make(FIRST, LAST, source=source), make(long_ago, long_ago, source=source)
        assert tuple(full.columns) == tuple(empty.columns) == columns
        assert [str(kind) for kind in full.dtypes] == [str(kind) for kind in empty.dtypes], name
        assert name in ("funnel", "week_over_week") or (len(full) and not len(empty))
    kinds = frames.messages(FIRST, LAST, source=source).dtypes.astype(str)
    assert (kinds["day"], kinds["handed_off_at"]) == ("datetime64[us]", "datetime64[us, UTC]")
    assert (kinds["team"], kinds["segments"], kinds["opened"]) == ("category", "Int64", "boolean")
    assert kinds["cost"].startswith("decimal128")


def test_wrong_days_are_said(source: frames.Source) -> None:
    for since, until in (("yesterday", "today"), ("2026-11-30", "2026-11-01")):
        with pytest.raises(UsageError):
            frames.days(since, until, source=source)


def test_a_person_s_source_has_their_teams(organisation: Organisation, source: frames.Source) -> None:
    """Those for which they hold `report.export`; none for who holds it nowhere."""
    make_person(organisation.engine, Permission.REPORT_EXPORT, team="acme.billing")
    make_person(organisation.engine, Permission.REPORT_SEE, team="acme")
    theirs = frames.seen_by(organisation.engine, "person0@acme.example", source.lake.url)
    days = frames.days(FIRST, LAST, source=theirs)
    assert {name: days[name].sum() for name in OUTCOMES} == figures(organisation.engine, "acme.billing").outcomes
    assert set(frames.messages(FIRST, LAST, source=theirs)["team"]) == {"acme.billing"}
    nobody = frames.seen_by(organisation.engine, "person1@acme.example", source.lake.url)
    assert frames.days(FIRST, LAST, source=nobody).empty


def test_the_notebook_runs(source: frames.Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell, in its order, on a deployment's lake; it is stored without outputs."""
    monkeypatch.setattr(frames, "whole_lake", lambda url=None: source)
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 8
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict[str, object] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)
    funnel = names["funnel"]
    assert isinstance(funnel, pd.DataFrame) and int(funnel["number"].iloc[0]) > 0


def test_pandas_is_imported_when_a_frame_is_made() -> None:
    """A process that imports the module pays for pandas with its first frame."""
    code = "import sys, nightmail.reports.frames; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
