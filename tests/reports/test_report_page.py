"""The report's figures and its page: right, self-contained, and readable by machines that read to people."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from html.parser import HTMLParser

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.reports.outcomes import OUTCOMES
from nightmail.reports.report_charts import round_ceiling
from nightmail.reports.report_figures import report_figures
from nightmail.reports.report_page import report_page
from resources.carriers import CARRIERS

START = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
VOID = {"meta", "link", "br", "img", "hr", "input"}


def row(number: int, **changes: object) -> dict[str, object]:
    """A delivered message; ``changes`` make it another one."""
    return {
        "team_date": START.date(),
        "team": "acme.billing",
        "feed": "invoices",
        "campaign": "2026-11-23.acme.billing.invoices.000001",
        "template": "due",
        "category": "billing",
        "message_id": f"c0000000001-{number}-sms-0",
        "line": number,
        "contact_id": "c",
        "address_hash": "h",
        "channel": "sms",
        "step": 0,
        "country": "GB",
        "language": "en",
        "state": "accepted",
        "status": "delivered",
        "carrier": "twilio",
        "handed_off_at": START + dt.timedelta(seconds=number),
        "segments": 1,
        "status_at": START + dt.timedelta(seconds=number + 2),
        "cost": Decimal("0.05"),
        "currency": "EUR",
        "opened": False,
        "clicked": False,
        "replied": False,
        **changes,
    }


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=DELIVERY_REPORT)


class Outline(HTMLParser):
    """Tags in order, with their attributes; fails on a tag closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser.tags


def test_the_figures_of_a_mixed_day() -> None:
    """Outcomes, shares, costs of what was accepted only, and seconds to the receipt."""
    rows = [row(n) for n in range(90)]
    rows += [row(90 + n, status="undelivered", error_code="30005") for n in range(5)]
    rows += [row(95, status="sent"), row(96, state="failed", status=None, handed_off_at=None, reason="address_refused")]
    rows += [row(97 + n, state="held", status=None, handed_off_at=None, reason="minor", cost=None) for n in range(2)]
    rows += [row(99, state="not_needed", status=None, handed_off_at=None)]
    figures = report_figures(table(rows))
    assert figures.outcomes == {
        "delivered": 90,
        "under_way": 1,
        "undelivered": 5,
        "failed": 1,
        "in_doubt": 0,
        "held": 2,
        "not_sent": 0,
    }
    assert figures.rows == 99
    assert figures.sent == 96
    assert figures.delivered_share == 90 / 96
    assert figures.costs == {"EUR": Decimal("4.80")}
    assert figures.reasons[0] == ("undelivered", "30005", 5)
    assert (figures.totals.numbers["timed"], figures.totals.numbers["within_10s"]) == (95, 95)


def test_the_command_tells_what_the_page_shows() -> None:
    """`nightmail report` and the page agree: a fallback that was not needed is no message, and costs nothing."""
    from commands.report import summed

    rows = [row(n, channel="sms") for n in range(3)]
    rows += [row(3, status="undelivered", segments=2), row(4, state="failed", status=None, reason="address_refused")]
    rows += [row(5 + n, channel="voice", state="not_needed", status=None, handed_off_at=None) for n in range(4)]
    rows += [row(9, channel="email", currency="USD", cost=Decimal("0.01"))]
    figures, totals = report_figures(table(rows)), summed(table(rows))
    assert totals["channel"] == {part.name: part.total for part in figures.channels} == {"sms": 5, "email": 1}
    assert totals["costs"] == figures.costs == {"EUR": Decimal("0.20"), "USD": Decimal("0.01")}
    assert (totals["messages"], totals["segments"]) == (figures.rows, figures.segments) == (6, 6)
    assert (totals["delivered"], totals["undelivered"], totals["failed"]) == (4, 1, 1)
    assert totals["state"]["not_needed"] == 4


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["accepted", "failed", "held", "cancelled", "expired", "in_doubt"]),
            st.sampled_from([None, "delivered", "undelivered", "bounced", "sent", "opened"]),
            st.sampled_from(["sms", "email", "voice", None]),
            st.integers(0, 200_000),
        ),
        max_size=40,
    )
)
def test_every_row_is_counted_once_in_every_chart(entries: list[tuple[str, str | None, str | None, int]]) -> None:
    """Outcomes, channels, countries and campaigns each sum to the rows; the hours to what was handed off."""
    rows = [
        row(
            n,
            state=state,
            status=status if state == "accepted" else None,
            channel=channel,
            handed_off_at=START + dt.timedelta(seconds=second) if state == "accepted" else None,
        )
        for n, (state, status, channel, second) in enumerate(entries)
    ]
    figures = report_figures(table(rows))
    assert sum(figures.outcomes.values()) == len(rows)
    for parts in (figures.channels, figures.countries, figures.campaigns, figures.feeds):
        assert sum(part.total for part in parts) == len(rows)
    handed = sum(1 for state, *_ in entries if state == "accepted")
    assert sum(part.total for part in figures.hours) == handed
    assert len(figures.hours) == (24 if handed else 0)
    outline(report_page(table(rows), "a day", CARRIERS.meaning_of))


def test_the_page_asks_nothing_of_anybody() -> None:
    """No address of anything outside: it can be opened years later, without a network."""
    page = report_page(table([row(n) for n in range(10)]), "a day", CARRIERS.meaning_of)
    assert not re.search(r"""(src|href|action|data)\s*=|url\(|@import|<script|<link|<iframe""", page)
    assert "default-src 'none'" in page


def test_the_page_is_read_to_people() -> None:
    """Language, title, one main heading, charts with words, tables with headers, regions that scroll by keyboard."""
    tags = outline(report_page(table([row(n) for n in range(10)]), "Monday", CARRIERS.meaning_of))
    names = [tag for tag, _ in tags]
    assert dict(tags)["html"]["lang"] == "en"
    assert names.count("h1") == 1
    assert names.count("title") >= 1
    charts = [attributes for tag, attributes in tags if tag == "svg"]
    assert charts
    for chart in charts:
        assert chart["role"] == "img"
        assert len(chart["aria-label"] or "") > 20
    assert names.count("thead") == names.count("table")
    assert {attributes.get("scope") for tag, attributes in tags if tag == "th"} == {"col", "row"}
    assert all(a.get("tabindex") == "0" for tag, a in tags if a.get("class") == "scroll")


def test_names_cannot_break_out_of_the_page() -> None:
    """A campaign, team or country with markup in it stays text."""
    evil = "</style><script>alert(1)</script><img src=x onerror=y>&"
    page = report_page(
        table([row(1, campaign=evil, team=evil, country=evil, channel=evil, reason=evil)]), evil, CARRIERS.meaning_of
    )
    assert "<script" not in page
    assert "<img" not in page
    outline(page)


def test_an_empty_day_says_so() -> None:
    """No rows: a sentence, and no chart of nothing."""
    page = report_page(DELIVERY_REPORT.empty_table(), "a day", CARRIERS.meaning_of)
    assert "Nothing was sent or held." in page
    assert "<svg" not in page


@given(st.integers(1, 10**9))
def test_the_axis_reaches_the_highest_column_and_no_further_than_needed(value: int) -> None:
    """Round numbers, at most twice and a half the value."""
    ceiling, steps = round_ceiling(value)
    assert value <= ceiling <= max(2.5 * value, 2)
    assert ceiling % steps == 0
    assert set(OUTCOMES)
