"""The reports of days that are over: the pipeline writes a day when something changes, and here nothing does any more."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine

from nightmail.access.principals import EVERYWHERE
from nightmail.lake import Lake
from nightmail.reports import delivery_report
from nightmail.reports.receipts_and_replies import write_opt_outs, write_questions, write_receipts, write_replies
from nightmail.reports.report_page import write_report_page
from nightmail.reports.report_words import MeaningOf
from nightmail.reports.stored_figures import Asked, read_figures
from nightmail.reports.usage_report import write_usage_report


def write_day(engine: Engine, lake: Lake, day: dt.date, meaning_of: MeaningOf) -> None:
    """Write all reports of a UTC day, with their sums and the day's page. ``meaning_of`` explains carriers' codes."""
    name = day.isoformat()
    with engine.connect() as connection:
        write_receipts(connection, day, lake.table("receipts", name, "day"))
        write_replies(connection, day, lake.table("replies", name, "day"))
        write_opt_outs(connection, day, lake.table("opt_outs", name, "day"))
        write_questions(connection, day, lake.table("questions", name, "day"))
        write_usage_report(connection, day, lake.table("usage_report", name, "day"))
    delivery_report.write_day(engine, lake, day)
    with engine.connect() as connection:
        figures = read_figures(connection, Asked(day, day, (EVERYWHERE,)))
    write_report_page(lake.table("delivery_report", name, "day"), day, meaning_of, figures)
