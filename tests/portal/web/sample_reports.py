"""Addresses of reports in the tests' organisation: each makes the days that its page shows."""

from __future__ import annotations

import datetime as dt
import tempfile

from sqlalchemy import Engine

from nightmail.lake import Lake
from tests.support.seeded_reports import seed_reports, write_days


def last_days(count: int) -> list[dt.date]:
    """The last ``count`` UTC days up to today, in their order."""
    today = dt.datetime.now(dt.UTC).date()
    return [today - dt.timedelta(days=number) for number in reversed(range(count))]


def reports_address(engine: Engine, address: str = "/reports") -> str:
    """A week of reports with the days before it."""
    days = last_days(9)
    seed_reports(engine, days)
    with tempfile.TemporaryDirectory() as folder:
        write_days(engine, Lake(folder), days)
    return address


def day_address(engine: Engine) -> str:
    """One day of one team."""
    return reports_address(engine, "/reports?period=yesterday&team=acme.billing&compare=no")
