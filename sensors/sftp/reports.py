"""Reports: each day's delivery report of a team or a feed, dropped where its settings say."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from nightmail.errors import ConfigurationError
from nightmail.organisation.stored_feeds import feeds_of_server
from nightmail.reports.report_drops import DueReport, due_reports, record_dropped, write_dropped_report
from nightmail.store.clock import database_time
from sensors.sftp.look import Look

EVERY_S = 30.0


def drop_reports(look: Look) -> None:
    """Drop the reports that are due; one that fails is put aside and tried again."""
    now = time.monotonic()
    if now < look.watch.reports_at:
        return
    look.watch.reports_at = now + EVERY_S
    with look.database.connect() as connection:
        due = due_reports(connection, look.server.id, database_time(connection))
        feeds = [feed.folder or "" for feed in feeds_of_server(connection, look.server.id)] if due else []
    taken_from = {look.watch.folder(look.server.path(folder)).path for folder in feeds}
    for report in due:
        if time.monotonic() > look.deadline:
            return
        subject = look.subject_of(f"{look.server.path(report.folder)}/{report.name}")
        if look.due(subject):
            with look.alone(subject, "written"):
                _drop(look, report, taken_from)


def _drop(look: Look, report: DueReport, taken_from: set[str]) -> None:
    folder = look.watch.folder(look.server.path(report.folder))
    if folder.path in taken_from:
        # A report would be taken for a contact file there.
        raise ConfigurationError("report_folder_taken", folder=report.folder, team=report.scope)
    with tempfile.TemporaryDirectory() as aside:
        content = Path(aside) / report.name
        write_dropped_report(look.lake.lake, report, content)
        folder.write_beside(report.name, content)
    with look.database.begin() as connection:
        record_dropped(connection, look.server.id, report)
