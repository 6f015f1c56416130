"""The figures of reports: the same from the kept sums, from the lake's rows and by counting the ledger itself."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, person_principal, system_principal
from nightmail.errors import UsageError
from nightmail.lake import Lake
from nightmail.reports.day_sums import sum_earlier_days
from nightmail.reports.delivery_report import write_delivery_report
from nightmail.reports.report_figures import ReportFigures, report_figures
from nightmail.reports.stored_figures import Asked, ask, read_compared, read_figures, read_totals
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.people import make_person
from tests.support.seeded_reports import seed_reports, write_days

LAST = dt.datetime.now(dt.UTC).date()
DAYS = [LAST - dt.timedelta(days=number) for number in (2, 1, 0)]
ALL = (EVERYWHERE,)


@pytest.fixture
def lake(organisation: Organisation, tmp_path: Path) -> Lake:
    """Three days of two feeds, and their reports."""
    lake = Lake(str(tmp_path / "lake"))
    seed_reports(organisation.engine, DAYS)
    write_days(organisation.engine, lake, DAYS)
    return lake


def stored(organisation: Organisation, asked: Asked) -> ReportFigures:
    """The figures that are kept."""
    with organisation.engine.connect() as connection:
        return read_figures(connection, asked)


def rows_of(lake: Lake, days: list[dt.date]) -> pa.Table:
    """The rows of days, with the day as a column."""
    tables = []
    for day in days:
        table = lake.table("delivery_report", day.isoformat(), "day").read()
        tables.append(table.append_column("day", [[day.isoformat()] * table.num_rows]))
    return pa.concat_tables(tables)


def test_kept_sums_and_rows_of_the_lake_give_the_same_figures(organisation: Organisation, lake: Lake) -> None:
    """All parts, outcomes, numbers and costs, of all days and of one."""
    for days in (DAYS, DAYS[1:2]):
        kept = stored(organisation, Asked(days[0], days[-1], ALL)).as_dict()
        counted = report_figures(rows_of(lake, days)).as_dict()
        assert kept.pop("written_at") is not None and counted.pop("written_at") is None
        assert {name: kept[name] for name in counted} == counted
        assert kept["rows"] > 100 * len(days) / 3 and len(kept["by_day"]) == len(days)


def test_the_figures_are_those_of_the_ledger(organisation: Organisation, lake: Lake) -> None:
    """Counted by a plain statement on the messages; files, replies and opt-outs from where they come."""
    figures = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    (counted,) = organisation.rows(
        "select count(*) filter (where state <> 'queued' and state <> 'not_needed') as rows,"
        " count(*) filter (where state = 'accepted') as sent,"
        " count(*) filter (where state = 'accepted' and delivery in ('delivered', 'opened', 'clicked')) as delivered,"
        " count(*) filter (where state = 'accepted' and delivery in ('undelivered', 'bounced')) as undelivered,"
        " count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'in_doubt') as in_doubt,"
        " count(*) filter (where state = 'held') as held,"
        " count(*) filter (where state in ('cancelled', 'expired')) as not_sent,"
        " sum(segments) filter (where state = 'accepted') as segments, count(opened_at) as opened,"
        " count(clicked_at) as clicked, count(replied_at) as answered from message"
    )
    said = figures.as_dict()
    assert {name: said[name] for name in counted} == counted
    costs = organisation.rows(
        "select coalesce(cost_charged_currency, currency) as currency, sum(coalesce(cost_charged, cost)) as cost"
        " from message where state = 'accepted' and coalesce(cost_charged, cost) is not null group by 1"
    )
    assert figures.costs == {row["currency"]: Decimal(row["cost"]) for row in costs}
    (beside,) = organisation.rows(
        "select (select sum((counts ->> 'rows')::int) from campaign) as file_rows,"
        " (select sum((counts ->> 'contacts')::int) from campaign) as contacts,"
        " (select count(*) from reply) as replies, (select count(*) from suppression) as opt_outs"
    )
    assert {name: figures.totals.counts[name] for name in beside} == beside
    for parts in (figures.days, figures.channels, figures.countries, figures.feeds, figures.campaigns):
        assert sum(part.total for part in parts) == figures.rows
    assert sum(part.total for part in figures.hours) == figures.sent


def test_a_feed_a_team_and_a_campaign_are_parts_of_the_whole(organisation: Organisation, lake: Lake) -> None:
    """Each adds up to the whole, in every figure that is a sum."""
    whole = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    me = system_principal("tests")
    with organisation.engine.connect() as connection:
        teams = [
            read_figures(connection, ask(connection, me, DAYS[0], DAYS[-1], team=team))
            for team in ("acme.billing", "acme.care")
        ]
        feeds = [
            read_figures(connection, ask(connection, me, DAYS[0], DAYS[-1], feed=f"{team}/visits"))
            for team in ("acme.billing", "acme.care")
        ]
        keys = [row["key"] for row in organisation.rows("select key from campaign")]
        campaigns = [read_figures(connection, ask(connection, me, DAYS[0], DAYS[-1], campaign=key)) for key in keys]
        for asked, figures in ((ask(connection, me, DAYS[0], DAYS[-1], campaign=keys[0]), campaigns[0]),):
            assert read_totals(connection, asked) == figures.totals
        assert read_totals(connection, Asked(DAYS[0], DAYS[-1], ALL)) == whole.totals
        last, before = read_compared(connection, Asked(DAYS[2], DAYS[2], ALL))
        assert last == read_figures(connection, Asked(DAYS[2], DAYS[2], ALL))
        assert before == read_totals(connection, Asked(DAYS[1], DAYS[1], ALL))
    for parts in (teams, feeds, campaigns):
        for name, number in whole.totals.numbers.items():
            assert sum(part.totals.numbers[name] for part in parts) == number
        for name, number in whole.totals.counts.items():
            assert sum(part.totals.counts.get(name, 0) for part in parts) == number
        assert sum((part.costs["EUR"] for part in parts), Decimal(0)) == whole.costs["EUR"]
        assert sum(hour.total for part in parts for hour in part.hours) == whole.sent


def test_who_sees_one_team_counts_one_team(organisation: Organisation, lake: Lake) -> None:
    """Nothing of another team is counted, and its name is unknown, as one that nobody has."""
    person = make_person(organisation.engine, Permission.REPORT_SEE, team="acme.billing")
    with organisation.engine.connect() as connection:
        me = person_principal(connection, person)
        seen = read_figures(connection, ask(connection, me, DAYS[0], DAYS[-1]))
        assert [part.name for part in seen.feeds] == ["acme.billing/visits"]
        assert {part.name for part in seen.campaigns} == {
            key for key in (row["key"] for row in organisation.rows("select key from campaign")) if "billing" in key
        }
        foreign = organisation.rows("select key from campaign where key like '%care%' limit 1")[0]["key"]
        said = []
        for named in (
            {"team": "acme.care"},
            {"team": "acme"},
            {"team": "acme.nobody"},
            {"feed": "acme.care/visits"},
            {"campaign": foreign},
        ):
            with pytest.raises(UsageError) as error:
                ask(connection, me, DAYS[0], DAYS[-1], **named)
            said.append(error.value.reason)
        assert set(said) == {"report_of_nothing"}


def test_days_written_again_replace_their_sums(organisation: Organisation, lake: Lake) -> None:
    """Once more, after a change, and of days that an earlier version wrote: never added to what was there."""
    before = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    write_days(organisation.engine, lake, DAYS)
    again = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    assert again.as_dict() | {"written_at": None} == before.as_dict() | {"written_at": None}
    organisation.change("update message set delivery = 'delivered' where delivery = 'sent'")
    write_days(organisation.engine, lake, DAYS)
    after = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    assert after.outcomes["delivered"] > before.outcomes["delivered"] and after.rows == before.rows
    organisation.change("delete from report_day")
    assert stored(organisation, Asked(DAYS[0], DAYS[-1], ALL)).rows == 0
    with organisation.engine.begin() as connection:
        assert sum_earlier_days(connection, lake, limit=2) == 2
        assert sum_earlier_days(connection, lake) == 1
        assert sum_earlier_days(connection, lake) == 0
    found = stored(organisation, Asked(DAYS[0], DAYS[-1], ALL))
    assert found.as_dict() | {"written_at": None} == after.as_dict() | {"written_at": None}


def test_the_report_alone_writes_no_sums(organisation: Organisation, tmp_path: Path) -> None:
    """A report that is written elsewhere leaves what is kept alone."""
    seed_reports(organisation.engine, DAYS[:1])
    lake = Lake(str(tmp_path / "other"))
    with organisation.engine.connect() as connection:
        write_delivery_report(connection, lake, DAYS[0], lake.table("delivery_report", str(DAYS[0]), "day"))
    assert organisation.rows("select count(*) as days from report_day") == [{"days": 0}]


def test_programs_are_told_the_same(organisation: Organisation, lake: Lake, portal: RunningPortal) -> None:
    """`/v1/reports` says what the page shows, within the key's teams; its files are in the audit log."""
    days = f"since={DAYS[0]}&until={DAYS[-1]}"
    key = organisation.key(Permission.REPORT_SEE, Permission.REPORT_EXPORT, team="acme.billing")
    told = portal.api("GET", f"/v1/reports?{days}", key).json()
    kept = stored(organisation, Asked(DAYS[0], DAYS[-1], ("acme.billing",)))
    assert told["outcomes"] == kept.outcomes and told["numbers"] == kept.totals.numbers
    assert {name: told[name] for name in told.keys() & kept.as_dict().keys() - {"written_at"}} == {
        name: value for name, value in kept.as_dict().items() if name in told and name != "written_at"
    }
    file = portal.api("GET", f"/v1/reports/export?{days}&what=sums&format=parquet", key)
    assert pq.read_table(io.BytesIO(file.content))["rows"].to_pylist() != []
    assert len(organisation.rows("select id from audit where action = 'report.exported'")) == 1
    assert portal.api("GET", "/v1/reports?team=acme.care", key).status_code == 404
    for wrong in ("since=2026-11-30&until=2026-11-01", "since=0001-01-01&until=0001-01-02", "until=9999-12-31"):
        assert portal.api("GET", f"/v1/reports?{wrong}", key).status_code == 422
