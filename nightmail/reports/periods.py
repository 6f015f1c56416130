"""Periods by their names, as days of UTC: what reports of "last month" are about."""

from __future__ import annotations

import datetime as dt

PERIODS = ("today", "yesterday", "last_7_days", "last_30_days", "this_month", "last_month")
"""The names of periods. Those of several days end today."""


def days_of(period: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """The first and the last day of a period of :data:`PERIODS`. Raises ``KeyError`` for another name."""
    first = today.replace(day=1)
    before = first - dt.timedelta(days=1)
    yesterday = today - dt.timedelta(days=1)
    return {
        "today": (today, today),
        "yesterday": (yesterday, yesterday),
        "last_7_days": (today - dt.timedelta(days=6), today),
        "last_30_days": (today - dt.timedelta(days=29), today),
        "this_month": (first, today),
        "last_month": (before.replace(day=1), before),
    }[period]
