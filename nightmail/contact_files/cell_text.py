"""Values that already have a type (a spreadsheet's cell, a Parquet or JSON value) as exact text.

A whole number has no decimal point, however it was stored; a decimal keeps its digits; a date is ISO 8601, and so is a
time of day. ``true`` and ``false`` are written like that everywhere.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any


def cell_text(value: Any) -> str | None:
    """The text of one value; None for nothing.

    >>> cell_text(447723456789.0), cell_text(12.5), cell_text(True), cell_text(dt.datetime(2026, 11, 23))
    ('447723456789', '12.5', 'true', '2026-11-23')
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.isoformat("seconds" if value.microsecond == 0 else "auto")
    if isinstance(value, dt.timedelta):
        return _duration(value)
    if isinstance(value, bytes):
        return _bytes_text(value)
    return json.dumps(value, ensure_ascii=False, default=cell_text)


def float_text(value: float) -> str | None:
    """A number as the shortest text that gives it back, without an exponent or a needless ``.0``; NaN is nothing."""
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 2**53:
        return str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text.removesuffix(".0")


def _bytes_text(value: bytes) -> str:
    """Bytes that are text as that text; others, such as a hash or a picture, in hexadecimal digits."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.hex()


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None and value.time() == dt.time(0):
        return value.date().isoformat()
    return value.isoformat(timespec="seconds" if value.microsecond == 0 else "microseconds")


def _duration(value: dt.timedelta) -> str:
    seconds = round(value.total_seconds())
    sign = "-" if seconds < 0 else ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
