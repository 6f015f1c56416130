"""Files on SFTP: found when complete, taken once, registered, archived, answered beside.

A look lists every feed's folder. A file is complete when its size and time have not changed for
``settings.file_settle_s`` (and, where the feed says so, when its marker lies beside it). What is known by path, size and
time is never taken again; the same content under another name is answered with the earlier campaign. Answers are written
here too, since this is where the server's connection is: first when the rows are judged, then when the campaign moved on.
A server that does not answer holds up nobody else: it raises an alert, and the next look tries again.
"""

import datetime as dt
import json
import posixpath
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import dagster as dg
from sqlalchemy import Connection

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.contact_files.kept_files import incoming_path
from nightmail.errors import NightmailError
from nightmail.intake.answers import (
    RESULT_SUFFIX,
    Answer,
    FileRow,
    answer_of,
    files_to_answer,
    record_answered,
    record_own_file,
    write_rejects,
)
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.intake.feed_campaigns import category_of_feed
from nightmail.intake.seen_files import (
    KnownFile,
    known_files,
    record_archived,
    refuse_file,
)
from nightmail.organisation.stored_feeds import FeedRow, feeds_of_server
from nightmail.reasons import remedy
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp import RemoteFile, SftpFileChangedError, SftpFileTooLargeError, SftpFolder
from resources.sftp_servers import SftpServerRow, SftpServersResource, SftpWatch
from sensors import watching
from sensors.prepare_requests import PREPARE_JOB, prepare_result, requested_keys, waiting_campaigns

SOURCES = frozenset({"sftp"})
TAKING_S = 2.0
"""After so long of taking files a tick ends, so that the first ones' runs start while the rest is taken."""
_PAUSE_S = 0.4
_CONTACT_FILE_ENDINGS = tuple(
    f"{ending}{packed}"
    for ending in (".csv", ".tsv", ".txt", ".xlsx", ".ods", ".json", ".jsonl", ".parquet", ".zip")
    for packed in ("", ".gz", ".zst")
)


@dg.sensor(
    job_name=PREPARE_JOB,
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Contact files on SFTP: takes complete ones, archives them, asks for their preparing runs, and writes result "
    "and reject files beside the uploads.",
)
def sftp_files(
    context: dg.SensorEvaluationContext,
    database: DatabaseResource,
    lake: LakeResource,
    sftp_servers: SftpServersResource,
) -> dg.SensorResult | dg.SkipReason:
    """Look, take, answer; again until something is to be prepared or the tick is over."""
    started = time.monotonic()
    before = requested_keys(context)
    rounds = 0
    while True:
        rounds += 1
        with database.connect() as connection:
            servers = sftp_servers.servers(connection)
        for server in servers:
            look = ServerLook(context, database, lake, server, started + watching.TICK_LIMIT_S)
            look.run(sftp_servers, first=rounds == 1)
        with database.connect() as connection:
            found: list[CampaignRow] = waiting_campaigns(connection, SOURCES, before)
        if found or time.monotonic() - started + _PAUSE_S > watching.WATCH_S or not servers:
            return prepare_result(context, database, found)
        time.sleep(_PAUSE_S)


@dataclass
class ServerLook:
    """One look at one server, on behalf of one tick."""

    context: dg.SensorEvaluationContext
    database: DatabaseResource
    lake: LakeResource
    server: SftpServerRow
    deadline: float

    @property
    def subject(self) -> str:
        """What alerts about the server are grouped by."""
        return f"sftp:{self.server.name}"

    def run(self, resource: SftpServersResource, *, first: bool) -> None:
        """Answer what is due, then take what is complete. What goes wrong is told to people, and tried again later."""
        try:
            watch = resource.watch(self.server)
            with watch.lock:
                self._answer(watch)
                self._take(watch)
                if first:
                    self._answer_strays(watch)
        except NightmailError as error:
            if not first:
                return
            self.context.log.warning("%s: %s", self.server.name, error.message)
            with self.database.begin() as connection:
                raise_alert(connection, reason=error.reason, subject=self.subject, message=str(error))
        else:
            if not first:
                return
            with self.database.begin() as connection:
                resolve_alerts(connection, subject=self.subject)

    def _take(self, watch: SftpWatch) -> None:
        with self.database.connect() as connection:
            feeds = feeds_of_server(connection, self.server.id)
            unusable = _unusable(connection, feeds)
        taking_since = time.monotonic()
        problem: NightmailError | None = next(iter(unusable.values()), None)
        for feed in feeds:
            if feed.id in unusable:
                continue
            path = self.server.path(feed.folder or "")
            folder = watch.folder(path)
            try:
                complete = self._complete(watch, folder, feed)
            except NightmailError as error:
                if not _is_about_folder(error):
                    raise
                # One feed's folder is missing: the others' files are taken all the same.
                problem = error
                continue
            for file, known in complete:
                self._one(watch, folder, feed, file, known)
                now = time.monotonic()
                if now > self.deadline or now - taking_since > TAKING_S:
                    return
        if problem is not None:
            raise problem

    def _complete(
        self, watch: SftpWatch, folder: SftpFolder, feed: FeedRow
    ) -> list[tuple[RemoteFile, KnownFile | None]]:
        """The folder's complete files that something is to be done about."""
        listed = folder.look(answers=())
        suffix = feed.settings.marker_suffix
        if suffix:
            names = {file.name for file in listed}
            listed = [f for f in listed if not f.name.endswith(suffix) and f"{f.name}{suffix}" in names]
        still = watch.still(listed, folder.path, 0.0 if suffix else settings().file_settle_s)
        with self.database.connect() as connection:
            known = known_files(connection, self.server.id, [(f.path, f.size, f.modified_at) for f in still])
        found = [(file, known.get((file.path, file.size, file.modified_at))) for file in still]
        return [(file, state) for file, state in found if state is None or state.state != "answer"]

    def _one(
        self, watch: SftpWatch, folder: SftpFolder, feed: FeedRow, file: RemoteFile, known: KnownFile | None
    ) -> None:
        if known is not None and not known.archived:
            # Taken before, but the server went away before it could be archived.
            self._archive(folder, file, known.id)
            return
        try:
            self._register(watch, folder, feed, file, dropped_again=known is not None)
        except SftpFileChangedError:
            watch.first_seen.pop(file, None)

    def _register(
        self, watch: SftpWatch, folder: SftpFolder, feed: FeedRow, file: RemoteFile, *, dropped_again: bool
    ) -> None:
        configured = settings()
        marker = sha256(f"{self.server.id}\0{file.path}\0{file.size}\0{file.modified_at}".encode()).hexdigest()[:24]
        destination = incoming_path(configured.incoming_dir, file.name, marker)
        arrival = Arrival(
            source="sftp",
            path=file.path,
            name=file.name,
            size=file.size,
            sha256="",
            stored_path=destination,
            # The very same file put back from the archive is a new arrival, told from the first by its time.
            modified_at=dt.datetime.now(dt.UTC) if dropped_again else file.modified_at,
            sftp_server_id=self.server.id,
        )
        try:
            taken = watch.download(file, destination, configured.maximum_file_bytes, self.deadline - time.monotonic())
        except SftpFileTooLargeError as error:
            with self.database.begin() as connection:
                file_id = refuse_file(connection, feed, arrival, error.as_dict())
            self._archive(folder, file, file_id)
            return
        if taken is None:
            self.context.log.info("a large file is still being taken: %d bytes", file.size)
            return
        whole = Arrival(
            source=arrival.source,
            path=arrival.path,
            name=arrival.name,
            size=taken.size,
            sha256=taken.sha256,
            stored_path=taken.path,
            modified_at=arrival.modified_at,
            sftp_server_id=arrival.sftp_server_id,
        )
        with self.database.begin() as connection:
            registered = register_file(connection, feed, whole, actor=f"sftp:{self.server.name}")
        self.context.log.info(
            "a file of %d bytes was %s for the feed %s: campaign %s",
            taken.size,
            registered.state,
            feed.name,
            registered.campaign.key if registered.campaign else "none",
        )
        self._archive(folder, file, registered.file_id)
        marker_suffix = feed.settings.marker_suffix
        if marker_suffix:
            for beside in folder.look(answers=()):
                if beside.name == f"{file.name}{marker_suffix}":
                    folder.archive(beside)

    def _archive(self, folder: SftpFolder, file: RemoteFile, file_id: int) -> None:
        folder.archive(file)
        with self.database.begin() as connection:
            record_archived(connection, file_id)

    def _answer(self, watch: SftpWatch) -> None:
        with self.database.connect() as connection:
            due = files_to_answer(connection, "sftp", self.server.id)
            answers = [answer_of(connection, file, self.lake.lake) for file in due]
        for answer in answers:
            if time.monotonic() > self.deadline:
                return
            self._write(watch.folder(posixpath.dirname(answer.file.path)), answer)

    def _answer_strays(self, watch: SftpWatch) -> None:
        """Answer contact files that lie above the feeds' folders, where nobody takes them. They stay where they are."""
        with self.database.connect() as connection:
            feeds = [feed.folder or "" for feed in feeds_of_server(connection, self.server.id)]
        root = watch.folder(self.server.path(""))
        if not feeds or root.path in {watch.folder(self.server.path(name)).path for name in feeds}:
            return
        try:
            listed = [file for file in root.look() if file.name.casefold().endswith(_CONTACT_FILE_ENDINGS)]
            still = watch.still(listed, root.path, settings().file_settle_s)
            for file in [file for file in still if file not in watch.answered_strays]:
                known = ", ".join(sorted(feeds))
                problem = {
                    "reason": "feed_unknown",
                    "message": f"This folder is no feed's, so {file.name} was not taken.",
                    "remedy": remedy("feed_unknown", known=known),
                }
                document = {
                    "file": file.name,
                    "size": file.size,
                    "campaign": None,
                    "state": "refused",
                    "problem": problem,
                }
                root.write_beside(f"{file.name}{RESULT_SUFFIX}", (json.dumps(document, indent=2) + "\n").encode())
                watch.answered_strays.add(file)
            watch.answered_strays.intersection_update(listed)
        except NightmailError as error:
            # Where we may not read or write, nobody is answered; the feeds' own folders are what counts.
            if not _is_about_folder(error):
                raise

    def _write(self, folder: SftpFolder, answer: Answer) -> None:
        file = answer.file
        if not answer.wanted:
            with self.database.begin() as connection:
                record_answered(connection, answer)
            return
        if answer.has_rejects and answer.campaign is not None and file.state == "taken":
            with tempfile.TemporaryDirectory() as aside:
                rejects = write_rejects(self.lake.lake, answer.campaign, Path(aside) / "rejects.csv")
                self._own(file, answer.rejects_name, folder, rejects)
        folder.write_beside(answer.result_name, answer.result())
        with self.database.begin() as connection:
            record_answered(connection, answer)

    def _own(self, file: FileRow, name: str, folder: SftpFolder, content: Path) -> None:
        """Write an answer that looks like a contact file. Its content is made known first: were this process to die between
        the two, it would be recognised all the same, and not be taken for an upload."""
        digest = sha256(content.read_bytes()).hexdigest()
        path, size = posixpath.join(folder.path, name), content.stat().st_size
        with self.database.begin() as connection:
            record_own_file(connection, file, name, path=path, size=size, sha256=digest, modified_at=None)
        written = folder.write_beside(name, content)
        with self.database.begin() as connection:
            record_own_file(
                connection,
                file,
                name,
                path=written.path,
                size=written.size,
                sha256=digest,
                modified_at=written.modified_at,
            )


def _unusable(connection: Connection, feeds: Iterable[FeedRow]) -> dict[int, NightmailError]:
    """What is wrong with feeds whose files would become no campaign: they stay on the server until it is mended."""
    found: dict[int, NightmailError] = {}
    for feed in feeds:
        try:
            category_of_feed(connection, feed)
        except NightmailError as error:
            found[feed.id] = error
    return found


def _is_about_folder(error: NightmailError) -> bool:
    return error.reason in ("sftp_folder_missing", "sftp_permission")
