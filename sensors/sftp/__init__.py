"""One look at one SFTP server: take what is whole, archive it, write the answers that are due.

What is known by path, size and time is never taken again; the same content under another name is answered with the earlier
campaign. The server, each folder, each file and each answer stand alone: what fails is put aside with its reason, shown as
an alert, and tried again later, while the rest goes on. Taking goes before answering.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from nightmail.errors import NightmailError
from nightmail.organisation.server_looks import note_failed_look, note_look
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp.servers import SftpServerRow, SftpServersResource, SftpWatch
from sensors.sftp.answering import answer_strays, write_answers
from sensors.sftp.archived import compare_archived_files
from sensors.sftp.look import Look, raise_alert_about
from sensors.sftp.reports import drop_reports
from sensors.sftp.taking import take_files

NOTED_EVERY_S = 60.0
"""A server is looked at many times a minute; that a look went through is noted so seldom."""


@dataclass
class ServerLook:
    """See the module. ``deadline`` is the monotonic time at which the tick must be over."""

    log: logging.Logger
    database: DatabaseResource
    lake: LakeResource
    server: SftpServerRow
    deadline: float

    def run(self, resource: SftpServersResource) -> None:
        """Take, answer, compare what was archived lately. Raises nothing: what goes wrong is an alert."""
        try:
            watch = resource.watch(self.server)
        except Exception as error:
            # The login cannot even be put together, as its secret is missing.
            raise_alert_about(self.database, self.log, self.server, f"sftp:{self.server.name}", error, "looked at")
            self._note_failed(error)
            return
        look = Look(self.log, self.database, self.lake, self.server, watch, self.deadline)
        if not look.due(look.subject):
            return
        with watch.lock:
            try:
                watch.connection.client()
                take_files(look)
                write_answers(look)
                compare_archived_files(look)
                answer_strays(look)
                drop_reports(look)
            except Exception as error:
                watch.aside.failed(look.subject, time.monotonic())
                look.alert(look.subject, error, "looked at")
                self._note_failed(error)
            else:
                watch.aside.succeeded(look.subject)
                self._note(watch)
                if not watch.resolved:
                    # Once for each connection that works, whichever process raised the alert.
                    watch.resolved = True
                    look.resolve(look.subject)

    def _note(self, watch: SftpWatch) -> None:
        """Note that the look went through, once a minute."""
        now = time.monotonic()
        if watch.noted_at is None or now - watch.noted_at >= NOTED_EVERY_S:
            with self.database.begin() as connection:
                note_look(connection, self.server.id)
            watch.noted_at = now

    def _note_failed(self, error: Exception) -> None:
        failure = error.message if isinstance(error, NightmailError) else type(error).__name__
        with self.database.begin() as connection:
            note_failed_look(connection, self.server.id, failure)
