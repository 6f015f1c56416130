"""After the archive: a client that went on writing wrote into the archived file, and what it wrote is not lost."""

from __future__ import annotations

import posixpath
import time

from sqlalchemy import Connection

from nightmail.campaigns.alerts import raise_alert
from nightmail.intake.arrivals import Arrival, Registered
from nightmail.intake.late_files import (
    ArchivedFile,
    archived_lately,
    record_compared,
    register_grown_file,
)
from nightmail.reasons import remedy, sentence
from nightmail.settings import settings
from resources.sftp import (
    shown,
)
from sensors.sftp.look import Look


def compare_archived_files(look: Look) -> None:
    """Look again at files archived lately: a client that went on writing wrote into the archived file."""
    now = time.monotonic()
    with look.database.connect() as connection:
        if not look.watch.late.loaded:
            for file in archived_lately(connection, look.server.id):
                look.watch.late.begin(file.id, now)
            look.watch.late.loaded = True
        due = archived_lately(connection, look.server.id, look.watch.late.due(now))
    for file in due:
        if time.monotonic() > look.deadline:
            return
        subject = look.subject_of(file.archived_path)
        if look.due(subject):
            with look.alone(subject, "compared"):
                _compare(look, file)
        look.watch.late.looked(file.id, time.monotonic())


def _compare(look: Look, file: ArchivedFile) -> None:
    folder = look.watch.folder(posixpath.dirname(file.archived_path))
    there = folder.stat(file.archived_path)
    now = time.monotonic()
    if there is None:
        # Taken out of the archive, as a team may.
        look.watch.late.end(file.id)
        return
    if (there.size, there.modified_at) == (file.archived_size, file.archived_modified_at):
        return
    settling = look.watch.late.settling(file.id)
    settling.look([there], now)
    settling.doubt(there)
    if not settling.whole(there, settings().file_settle_s, now):
        look.watch.late.soon(file.id, now)
        return
    taken = look.watch.download(there, look.incoming(there), settings().maximum_file_bytes, look.deadline - now)
    if taken is None:
        return
    if taken.sha256 == file.sha256:
        # Only its time changed, as clients set it at the end of an upload.
        with look.database.begin() as connection:
            record_compared(connection, file.id, there.size, there.modified_at)
        return
    grown = Arrival(
        source="sftp",
        path=file.path,
        name=file.name,
        size=taken.size,
        sha256=taken.sha256,
        stored_path=taken.path,
        modified_at=there.modified_at,
        sftp_server_id=look.server.id,
    )
    with look.database.begin() as connection:
        registered = register_grown_file(connection, file, grown, actor=f"sftp:{look.server.name}")
        tell_grown(look, connection, registered, file.team_id, file.path, file.archived_size, taken.size)


def tell_grown(
    look: Look, connection: Connection, registered: Registered, team_id: int, path: str, taken: int, now: int
) -> None:
    """Raise the alert of a file that was taken before it was whole, in the transaction that registered the rest."""
    key = registered.campaign.key if registered.campaign else "-"
    fields = {"file": shown(path), "taken": taken, "now": now, "campaign": key}
    raise_alert(
        connection,
        reason="sftp_file_grew",
        subject=f"{look.subject}:{shown(path)}:grew",
        message=f"{sentence('sftp_file_grew', **fields)} {remedy('sftp_file_grew', **fields)}",
        team_id=team_id,
        campaign_id=registered.campaign.id if registered.campaign else None,
    )
