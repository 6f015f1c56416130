"""Costs are never added over currencies: whatever sums them keeps a sum for each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.report import money, summed
from nightmail.lake.schemas import DELIVERY_REPORT
from nightmail.organisation.prices import Price, PriceList
from nightmail.reports.report_figures import report_figures
from nightmail.reports.report_page import report_page
from nightmail.templates.message_costs import Pricing
from nightmail.templates.summary import MessagesSummary
from resources.carriers import CARRIERS

DAY = dt.date(2026, 11, 23)
CURRENCIES = ("EUR", "USD", "JPY", "CHF")
COUNTRIES = ("DE", "US", "JP", "CH")

pytestmark = pytest.mark.unit

amounts = st.decimals(min_value=0, max_value=1000, places=6, allow_nan=False)
costs = st.one_of(st.just((None, None)), st.tuples(amounts, st.sampled_from(CURRENCIES)))


def sums(pairs: Iterable[tuple[Decimal | None, str | None]]) -> dict[str, Decimal]:
    """The expected sums, one addition at a time."""
    found: dict[str, Decimal] = {}
    for amount, currency in pairs:
        if amount is not None and currency is not None:
            found[currency] = found.get(currency, Decimal(0)) + amount
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["accepted", "failed", "held", "not_needed"]), costs), max_size=30))
def test_the_command_the_page_and_their_json_sum_each_currency_by_itself(
    entries: list[tuple[str, tuple[Decimal | None, str | None]]],
) -> None:
    """Only what a carrier took costs; each currency has its own sum, and none is left out."""
    same = {"team_date": DAY, "team": "acme", "campaign": "c", "template": "t", "category": "g", "contact_id": "p"}
    rows = [
        {**same, "line": line, "state": state, "channel": "sms", "cost": cost, "currency": currency}
        for line, (state, (cost, currency)) in enumerate(entries)
    ]
    table = pa.Table.from_pylist(rows, schema=DELIVERY_REPORT)
    expected = sums(cost for state, cost in entries if state == "accepted")
    figures = report_figures(table)
    assert summed(table)["costs"] == figures.costs == expected
    assert figures.as_dict()["costs"] == {currency: str(expected[currency]) for currency in sorted(expected)}
    assert set(money(expected).split(", ")) - {""} == {f"{amount:,.2f} {name}" for name, amount in expected.items()}
    page = report_page(table, "a day", CARRIERS.meaning_of)
    for currency, amount in expected.items():
        assert f"<dt>Cost in {currency}</dt><dd>{amount:,.2f}<" in page
    assert page.count("<dt>Cost") == len(expected)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([*COUNTRIES, None]), st.integers(1, 9), st.booleans()), min_size=1, max_size=30),
    st.fixed_dictionaries({country: st.tuples(amounts, st.sampled_from(CURRENCIES)) for country in COUNTRIES}),
)
def test_the_estimate_of_a_campaign_has_a_sum_for_each_currency(
    messages: list[tuple[str | None, int, bool]], prices: dict[str, tuple[Decimal, str]]
) -> None:
    """A price list may have a country in euros and the next in dollars: `check`, the counts and the answers keep them apart."""
    listed = PriceList(Price("twilio", "sms", country, *price, DAY) for country, price in prices.items())
    pricing = Pricing(listed, {"sms": "twilio"}, DAY)
    summary = MessagesSummary()
    for is_queued in (True, False):
        found = [(country, units) for country, units, queued in messages if queued is is_queued]
        countries = pa.array([country for country, _ in found], pa.string())
        units = np.array([units for _, units in found], dtype=np.int64)
        summary.count_messages("sms", "en", units, pricing.costs("sms", countries, units), is_queued=is_queued)
        expected = sums((prices[country][0] * units, prices[country][1]) for country, units in found if country)
        said = json.loads(json.dumps(summary.as_dict()))["costs" if is_queued else "standby_costs"]
        assert {currency: Decimal(amount) for currency, amount in said.items()} == expected
    assert summary.unpriced == sum(country is None for country, *_ in messages)
