"""What the steps of one look at one SFTP server share: its parts, and that what fails fails alone."""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.contact_files.kept_files import incoming_path
from nightmail.errors import NightmailError
from nightmail.intake.answer_names import RESULT_SUFFIX
from nightmail.reasons import remedy, sentence
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp import (
    RemoteFile,
    SftpFolder,
    SftpUnreachableError,
    shown,
)
from resources.sftp.servers import SftpServerRow, SftpWatch

CONTACT_FILE_ENDINGS = tuple(
    f"{ending}{packed}"
    for ending in (".csv", ".tsv", ".txt", ".xlsx", ".ods", ".json", ".jsonl", ".parquet", ".zip")
    for packed in ("", ".gz", ".zst")
)


@dataclass
class Look:
    """One look at one server. ``deadline`` is the monotonic time at which the tick must be over."""

    log: logging.Logger
    database: DatabaseResource
    lake: LakeResource
    server: SftpServerRow
    watch: SftpWatch
    deadline: float

    @property
    def subject(self) -> str:
        """What alerts about the server are grouped by."""
        return f"sftp:{self.server.name}"

    def subject_of(self, path: str) -> str:
        """What alerts about a file or folder of the server are grouped by."""
        return f"{self.subject}:{shown(path)}"

    def incoming(self, file: RemoteFile) -> Path:
        """Where a file of the server is kept: the same place for the same path, size and time of change."""
        seen = f"{self.server.id}\0{file.path}\0{file.size}\0{file.modified_at}"
        return incoming_path(settings().incoming_dir, shown(file.name), sha256(seen.encode()).hexdigest()[:24])

    @contextmanager
    def alone(self, subject: str, step: str) -> Iterator[None]:
        """Let what fails inside fail alone: ``subject`` is put aside and told, and the look goes on.

        Raises :class:`SftpUnreachableError` only when the server itself is gone: a server that cuts the connection at
        one file is connected to again for the others.
        """
        try:
            yield
        except Exception as error:
            wait = self.watch.aside.failed(subject, time.monotonic())
            self.alert(subject, error, step, wait)
            if isinstance(error, SftpUnreachableError):
                self.watch.connection.client()
        else:
            if self.watch.aside.succeeded(subject):
                self.resolve(subject)

    def due(self, subject: str) -> bool:
        """Whether ``subject`` may be tried: it did not fail just now."""
        return self.watch.aside.due(subject, time.monotonic())

    def alert(self, subject: str, error: Exception, step: str, wait_s: float = 0.0) -> None:
        """Tell people why ``subject`` could not be ``step`` (taken, answered), and when it is tried again."""
        raise_alert_about(self.database, self.log, self.server, subject, error, step, wait_s)

    def resolve(self, subject: str) -> None:
        """End the alerts about ``subject``."""
        with self.database.begin() as connection:
            resolve_alerts(connection, subject=subject)


def raise_alert_about(
    database: DatabaseResource,
    log: logging.Logger,
    server: SftpServerRow,
    subject: str,
    error: Exception,
    step: str,
    wait_s: float = 0.0,
) -> None:
    """Raise the alert about ``subject``; one that was not foreseen is logged with its traceback as well."""
    if isinstance(error, NightmailError):
        reason, message = error.reason, str(error)
        log.warning("%s: %s", subject, error.message)
    else:
        # Not foreseen: the file waits, the defect is shown with its traceback.
        log.exception("%s could not be %s", subject, step, exc_info=error)
        reason = "sftp_look_failed"
        fields = {"server": server.name, "problem": f"{type(error).__name__}: {str(error)[:200]}"}
        message = f"{sentence(reason, **fields)} {remedy(reason, **fields)}"
    name = subject.removeprefix(f"sftp:{server.name}:")
    if wait_s and name != subject:
        again = f"{dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wait_s):%H:%M:%S} UTC"
        problem = sentence("sftp_file_put_aside", file=name, step=step, problem=message, retry_at=again)
        message = f"{problem} {remedy('sftp_file_put_aside', retry_at=again)}"
    with database.begin() as connection:
        raise_alert(connection, reason=reason, subject=subject, message=message.replace("\0", ""))


def refuse_beside(folder: SftpFolder, file: RemoteFile, reason: str, fields: Mapping[str, str]) -> None:
    """Write beside a file why it was left where it is."""
    problem = {"reason": reason, "message": sentence(reason, **fields), "remedy": remedy(reason, **fields)}
    document = {
        "file": shown(file.name),
        "size": file.size,
        "campaign": None,
        "state": "refused",
        "problem": problem,
    }
    folder.write_beside(f"{file.name}{RESULT_SUFFIX}", (json.dumps(document, indent=2) + "\n").encode())
