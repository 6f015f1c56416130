"""One look at one SFTP server: take what is whole, archive it, write the answers that are due.

What is known by path, size and time is never taken again; the same content under another name is answered with the earlier
campaign. The server, each folder, each file and each answer stand alone: what fails is put aside with its reason, told as
an alert, and tried again later, while the rest goes on. Taking goes before answering.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import posixpath
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path

from sqlalchemy import Connection

from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.contact_files.kept_files import incoming_path
from nightmail.contact_files.openpgp import decrypt_file, encrypt, is_encrypted, plain_name
from nightmail.errors import ConfigurationError, ContactFileError, NightmailError
from nightmail.intake.answers import Answer, answer_of, write_rejects
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.intake.due_answers import (
    FileRow,
    files_to_answer,
    record_answer_file,
    record_answered,
)
from nightmail.intake.feed_campaigns import category_of_feed
from nightmail.intake.late_files import (
    ArchivedFile,
    archived_lately,
    record_archived,
    record_compared,
    register_grown_file,
)
from nightmail.intake.seen_files import KnownFile, known_files, refuse_file
from nightmail.organisation.stored_feeds import FeedRow, feeds_of_server
from nightmail.organisation.team_settings import openpgp_keys
from nightmail.organisation.teams import team_paths
from nightmail.reasons import remedy, sentence
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp import (
    REJECTS_SUFFIX,
    RESULT_SUFFIX,
    Downloaded,
    Listing,
    RemoteFile,
    SftpFileChangedError,
    SftpFileTooLargeError,
    SftpFolder,
    SftpUnreachableError,
    shown,
)
from resources.sftp.servers import SftpServerRow, SftpServersResource, SftpWatch
from resources.sftp.settling import ends_cut_off

TAKING_S = 2.0
"""After so long of taking files a look ends, so that the first ones' runs start while the rest is taken."""
STRAYS_EVERY_S = 5.0
CONTACT_FILE_ENDINGS = tuple(
    f"{ending}{packed}"
    for ending in (".csv", ".tsv", ".txt", ".xlsx", ".ods", ".json", ".jsonl", ".parquet", ".zip")
    for packed in ("", ".gz", ".zst")
)


@dataclass
class ServerLook:
    """See the module. ``deadline`` is the monotonic time at which the tick must be over."""

    log: logging.Logger
    database: DatabaseResource
    lake: LakeResource
    server: SftpServerRow
    deadline: float

    @property
    def subject(self) -> str:
        """What alerts about the server are grouped by."""
        return f"sftp:{self.server.name}"

    def run(self, resource: SftpServersResource) -> None:
        """Take, answer, compare what was archived lately. Raises nothing: what goes wrong is an alert."""
        try:
            watch = resource.watch(self.server)
        except Exception as error:
            # The login cannot even be put together, as its secret is missing.
            self._alert(self.subject, error, "looked at")
            return
        if not watch.aside.due(self.subject, time.monotonic()):
            return
        with watch.lock:
            try:
                watch.connection.client()
                self._take(watch)
                self._answer(watch)
                self._compare_archived(watch)
                self._answer_strays(watch)
            except Exception as error:
                watch.aside.failed(self.subject, time.monotonic())
                self._alert(self.subject, error, "looked at")
            else:
                watch.aside.succeeded(self.subject)
                if not watch.resolved:
                    # Once for each connection that works, whatever process raised the alert.
                    watch.resolved = True
                    self._resolve(self.subject)

    # --- What fails stands alone -------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self, watch: SftpWatch, subject: str, step: str) -> Iterator[None]:
        """Let what fails inside fail alone: ``subject`` is put aside and told, and the look goes on.

        Raises :class:`SftpUnreachableError` only when the server itself is gone: a server that cuts the connection at
        one file is connected to again for the others.
        """
        try:
            yield
        except Exception as error:
            wait = watch.aside.failed(subject, time.monotonic())
            self._alert(subject, error, step, wait)
            if isinstance(error, SftpUnreachableError):
                watch.connection.client()
        else:
            if watch.aside.succeeded(subject):
                self._resolve(subject)

    def _due(self, watch: SftpWatch, subject: str) -> bool:
        return watch.aside.due(subject, time.monotonic())

    def _alert(self, subject: str, error: Exception, step: str, wait_s: float = 0.0) -> None:
        if isinstance(error, NightmailError):
            reason, message = error.reason, str(error)
            self.log.warning("%s: %s", subject, error.message)
        else:
            # Not foreseen: the file waits, the defect is shown with its traceback.
            self.log.exception("%s could not be %s", subject, step, exc_info=error)
            reason = "sftp_look_failed"
            fields = {"server": self.server.name, "problem": f"{type(error).__name__}: {str(error)[:200]}"}
            message = f"{sentence(reason, **fields)} {remedy(reason, **fields)}"
        name = subject.removeprefix(f"{self.subject}:")
        if wait_s and name != subject:
            again = f"{dt.datetime.now(dt.UTC) + dt.timedelta(seconds=wait_s):%H:%M:%S} UTC"
            problem = sentence("sftp_file_put_aside", file=name, step=step, problem=message, retry_at=again)
            message = f"{problem} {remedy('sftp_file_put_aside', retry_at=again)}"
        with self.database.begin() as connection:
            raise_alert(connection, reason=reason, subject=subject, message=message.replace("\0", ""))

    def _resolve(self, subject: str) -> None:
        with self.database.begin() as connection:
            resolve_alerts(connection, subject=subject)

    # --- Taking ------------------------------------------------------------------------------------------------------

    def _take(self, watch: SftpWatch) -> None:
        with self.database.connect() as connection:
            feeds = feeds_of_server(connection, self.server.id)
            unusable = _unusable(connection, feeds)
        taking_since = time.monotonic()
        for feed in feeds:
            folder = watch.folder(self.server.path(feed.folder or ""))
            subject = f"{self.subject}:{shown(folder.path)}"
            listing: Listing | None = None
            whole: list[tuple[RemoteFile, KnownFile | None]] = []
            if self._due(watch, subject):
                with self._alone(watch, subject, "looked at"):
                    if feed.id in unusable:
                        # Its files stay on the server until somebody has mended the feed.
                        raise unusable[feed.id]
                    listing = folder.listing()
                    whole = self._whole(watch, folder, feed, listing)
            if listing is None:
                continue
            self._tell_links(watch, folder, listing)
            for file, known in whole:
                subject = f"{self.subject}:{shown(file.path)}"
                if self._due(watch, subject):
                    with self._alone(watch, subject, "taken"):
                        self._one(watch, folder, feed, file, known, listing)
                now = time.monotonic()
                if now > self.deadline or now - taking_since > TAKING_S:
                    return

    def _whole(
        self, watch: SftpWatch, folder: SftpFolder, feed: FeedRow, listing: Listing
    ) -> list[tuple[RemoteFile, KnownFile | None]]:
        """The folder's whole files that something is to be done about, oldest first."""
        now = time.monotonic()
        settling = watch.settling(folder.path)
        settling.look((*listing.files, *listing.unfinished), now)
        uploads = [file for file in listing.files if not plain_name(file.name).endswith(RESULT_SUFFIX)]
        suffix = feed.settings.marker_suffix
        if suffix:
            names = {file.name for file in listing.files}
            uploads = [f for f in uploads if not f.name.endswith(suffix) and f"{f.name}{suffix}" in names]
        stated = 0.0 if suffix else _settle_s(feed)
        still = [file for file in uploads if settling.whole(file, stated, now)]
        with self.database.connect() as connection:
            known = known_files(connection, self.server.id, [(f.path, f.size, f.modified_at) for f in still])
        found = [(file, known.get((file.path, file.size, file.modified_at))) for file in still]
        return [(file, state) for file, state in found if state is None or state.state != "answer"]

    def _one(
        self,
        watch: SftpWatch,
        folder: SftpFolder,
        feed: FeedRow,
        file: RemoteFile,
        known: KnownFile | None,
        listing: Listing,
    ) -> None:
        if known is not None and not (known.archived and known.moved):
            # Taken before, but it could not be archived yet. A server may even have said that it was gone.
            self._archive(watch, folder, file, known.id, () if known.answered else listing.files)
            return
        try:
            self._register(watch, folder, feed, file, listing, dropped_again=known is not None)
        except SftpFileChangedError:
            watch.settling(folder.path).forget(file)

    def _register(
        self,
        watch: SftpWatch,
        folder: SftpFolder,
        feed: FeedRow,
        file: RemoteFile,
        listing: Listing,
        *,
        dropped_again: bool,
    ) -> None:
        configured = settings()
        marker = sha256(f"{self.server.id}\0{file.path}\0{file.size}\0{file.modified_at}".encode()).hexdigest()[:24]
        arrival = Arrival(
            source="sftp",
            path=file.path,
            name=file.name,
            size=file.size,
            sha256="",
            stored_path=incoming_path(configured.incoming_dir, shown(file.name), marker),
            # The very same file put back from the archive is a new arrival, told from the first by its time.
            modified_at=dt.datetime.now(dt.UTC) if dropped_again else file.modified_at,
            sftp_server_id=self.server.id,
        )
        try:
            taken = watch.download(
                file, arrival.stored_path, configured.maximum_file_bytes, self.deadline - time.monotonic()
            )
        except SftpFileTooLargeError as error:
            with self.database.begin() as connection:
                file_id = refuse_file(connection, feed, arrival, error.as_dict())
            self._archive(watch, folder, file, file_id, listing.files)
            return
        if taken is None:
            self.log.info("a large file is still being taken: %d bytes", file.size)
            return
        settling = watch.settling(folder.path)
        sure = feed.settings.marker_suffix or settling.surely_whole(file, _settle_s(feed), time.monotonic())
        try:
            content = self._decrypted(feed, file, taken)
        except ContactFileError as error:
            taken.path.unlink()
            if not sure and error.reason == "file_not_decrypted":
                settling.doubt(file)
                return
            with self.database.begin() as connection:
                file_id = refuse_file(connection, feed, arrival, error.as_dict())
            self._archive(watch, folder, file, file_id, listing.files)
            return
        if not sure and ends_cut_off(content.path):
            # More of it may be on its way: it waits longer, and is taken again then.
            content.path.unlink()
            settling.doubt(file)
            return
        whole = replace(arrival, sha256=content.sha256, stored_path=content.path)
        with self.database.begin() as connection:
            registered = register_file(connection, feed, whole, actor=f"sftp:{self.server.name}")
        self.log.info(
            "a file of %d bytes was %s for the feed %s: campaign %s",
            taken.size,
            registered.state,
            feed.name,
            registered.campaign.key if registered.campaign else "none",
        )
        self._archive(watch, folder, file, registered.file_id, listing.files)
        suffix = feed.settings.marker_suffix
        for beside in listing.files if suffix else ():
            if beside.name == f"{file.name}{suffix}":
                folder.archive(beside)

    def _decrypted(self, feed: FeedRow, file: RemoteFile, taken: Downloaded) -> Downloaded:
        """The file as it is inside; the same where it is not encrypted. Raises :class:`ContactFileError`."""
        if not is_encrypted(file.name):
            return taken
        with self.database.connect() as connection:
            keys = openpgp_keys(connection, feed.team)
        inside = taken.path.with_name(plain_name(taken.path.name))
        decrypt_file(taken.path, inside, keys, settings().maximum_file_bytes)
        taken.path.unlink()
        with inside.open("rb") as content:
            digest = file_digest(content, "sha256").hexdigest()
        return replace(taken, path=inside, sha256=digest)

    def _archive(
        self, watch: SftpWatch, folder: SftpFolder, file: RemoteFile, file_id: int, beside: Sequence[RemoteFile]
    ) -> None:
        """Move a taken file into the archive, and with it those files ``beside`` that answer an earlier one of its name."""
        archived = folder.archive(file)
        with self.database.begin() as connection:
            record_archived(connection, file_id, archived.path if archived else None, file.size, file.modified_at)
        if archived is not None:
            watch.late.begin(file_id, time.monotonic())
        inside = plain_name(file.name).removesuffix(REJECTS_SUFFIX)
        names = {f"{file.name}{RESULT_SUFFIX}", f"{inside}{REJECTS_SUFFIX}"}
        old = [other for other in beside if names & {other.name, plain_name(other.name)} and other != file]
        with self.database.connect() as connection:
            known = known_files(connection, self.server.id, [(f.path, f.size, f.modified_at) for f in old])
        for other in old:
            state = known.get((other.path, other.size, other.modified_at))
            # A reject file that somebody corrected is an upload, not an old answer.
            if plain_name(other.name).endswith(RESULT_SUFFIX) or (state is not None and state.state == "answer"):
                folder.archive(other)

    def _tell_links(self, watch: SftpWatch, folder: SftpFolder, listing: Listing) -> None:
        """Say beside each link that it is left: what it points to may be outside the team's home."""
        for link in listing.links:
            subject = f"{self.subject}:{shown(link.path)}"
            if link in watch.told or not link.name.casefold().endswith(CONTACT_FILE_ENDINGS):
                continue
            if self._due(watch, subject):
                with self._alone(watch, subject, "answered"):
                    self._refuse_beside(folder, link, "sftp_file_is_link", {"file": shown(link.name)})
                    watch.told.add(link)

    def _refuse_beside(self, folder: SftpFolder, file: RemoteFile, reason: str, fields: Mapping[str, str]) -> None:
        problem = {"reason": reason, "message": sentence(reason, **fields), "remedy": remedy(reason, **fields)}
        document = {
            "file": shown(file.name),
            "size": file.size,
            "campaign": None,
            "state": "refused",
            "problem": problem,
        }
        folder.write_beside(f"{file.name}{RESULT_SUFFIX}", (json.dumps(document, indent=2) + "\n").encode())

    # --- Answering ---------------------------------------------------------------------------------------------------

    def _answer(self, watch: SftpWatch) -> None:
        failed = [key[1] for key in watch.aside.waiting(time.monotonic()) if isinstance(key, tuple)]
        with self.database.connect() as connection:
            due = files_to_answer(connection, "sftp", self.server.id, except_ids=failed)
        for file in due:
            if time.monotonic() > self.deadline:
                return
            self._answer_one(watch, file)

    def _answer_one(self, watch: SftpWatch, file: FileRow) -> None:
        # Apart from the file's own subject: what failed is the answer, and the file may be taken and archived meanwhile.
        key = ("answer", file.id)
        subject = f"{self.subject}:{shown(file.path)}{RESULT_SUFFIX}"
        try:
            with self.database.connect() as connection:
                answer = answer_of(connection, file, self.lake.lake)
            self._write(watch.folder(posixpath.dirname(file.path)), answer)
        except Exception as error:
            wait = watch.aside.failed(key, time.monotonic())
            self._alert(subject, error, "written", wait)
            if isinstance(error, SftpUnreachableError):
                watch.connection.client()
        else:
            if watch.aside.succeeded(key):
                self._resolve(subject)

    def _write(self, folder: SftpFolder, answer: Answer) -> None:
        file = answer.file
        if not answer.beside_upload:
            with self.database.begin() as connection:
                record_answered(connection, file, final=answer.final)
            return
        keys = None
        if answer.encrypted:
            with self.database.connect() as connection:
                keys = openpgp_keys(connection, team_paths(connection, [file.team_id])[file.team_id])
            if keys.encrypt_to is None:
                # Nobody said to whom: what came encrypted does not go back in the clear.
                with self.database.begin() as connection:
                    record_answered(connection, answer.file, final=answer.final)
                raise ConfigurationError("openpgp_key", problem="the team states no key to encrypt answers to")
        if answer.has_rejects and answer.campaign is not None and file.state == "taken":
            with tempfile.TemporaryDirectory() as aside:
                rejects = write_rejects(self.lake.lake, answer.campaign, Path(aside) / "rejects.csv")
                if keys is not None:
                    rejects.write_bytes(encrypt(rejects.read_bytes(), keys))
                self._own(file, answer.rejects_name, folder, rejects)
        result = answer.result()
        folder.write_beside(answer.result_name, result if keys is None else encrypt(result, keys))
        with self.database.begin() as connection:
            record_answered(connection, file, final=answer.final)

    def _own(self, file: FileRow, name: str, folder: SftpFolder, content: Path) -> None:
        """Write an answer that looks like a contact file.

        Its content is recorded first: were this process to die between the two, it would be recognised all the same,
        and not be taken for an upload.
        """
        digest = sha256(content.read_bytes()).hexdigest()
        path, size = posixpath.join(folder.path, name), content.stat().st_size
        with self.database.begin() as connection:
            record_answer_file(connection, file, name, path=path, size=size, sha256=digest, modified_at=None)
        written = folder.write_beside(name, content)
        with self.database.begin() as connection:
            record_answer_file(
                connection,
                file,
                name,
                path=written.path,
                size=written.size,
                sha256=digest,
                modified_at=written.modified_at,
            )

    def _answer_strays(self, watch: SftpWatch) -> None:
        """Answer contact files that lie above the feeds' folders, where nobody takes them. They stay where they are."""
        now = time.monotonic()
        if now < watch.strays_at:
            return
        watch.strays_at = now + STRAYS_EVERY_S
        with self.database.connect() as connection:
            feeds = [feed.folder or "" for feed in feeds_of_server(connection, self.server.id)]
        root = watch.folder(self.server.path(""))
        if not feeds or root.path in {watch.folder(self.server.path(name)).path for name in feeds}:
            return
        try:
            listing = root.listing()
        except NightmailError:
            # Where nothing may be listed, nobody drops files either; the feeds' own folders are what counts.
            return
        settling = watch.settling(root.path)
        settling.look((*listing.files, *listing.unfinished), now)
        strays = [file for file in listing.files if file.name.casefold().endswith(CONTACT_FILE_ENDINGS)]
        strays = [file for file in strays if not file.name.endswith((RESULT_SUFFIX, REJECTS_SUFFIX))]
        known = ", ".join(sorted(feeds))
        for file in strays:
            subject = f"{self.subject}:{shown(file.path)}"
            if file in watch.told or not settling.whole(file, settings().file_settle_s, now):
                continue
            if self._due(watch, subject):
                with self._alone(watch, subject, "answered"):
                    self._refuse_beside(root, file, "feed_unknown", {"value": shown(root.path), "known": known})
                    watch.told.add(file)

    # --- After the archive -------------------------------------------------------------------------------------------

    def _compare_archived(self, watch: SftpWatch) -> None:
        """Look again at files archived lately: a client that went on writing wrote into the archived file."""
        now = time.monotonic()
        with self.database.connect() as connection:
            if not watch.late.loaded:
                for file in archived_lately(connection, self.server.id):
                    watch.late.begin(file.id, now)
                watch.late.loaded = True
            due = archived_lately(connection, self.server.id, watch.late.due(now))
        for file in due:
            if time.monotonic() > self.deadline:
                return
            subject = f"{self.subject}:{shown(file.archived_path)}"
            if self._due(watch, subject):
                with self._alone(watch, subject, "compared"):
                    self._compare(watch, file)
            watch.late.looked(file.id, time.monotonic())

    def _compare(self, watch: SftpWatch, file: ArchivedFile) -> None:
        folder = watch.folder(posixpath.dirname(file.archived_path))
        there = folder.stat(file.archived_path)
        now = time.monotonic()
        if there is None:
            # Taken out of the archive, as a team may.
            watch.late.end(file.id)
            return
        if (there.size, there.modified_at) == (file.archived_size, file.archived_modified_at):
            return
        settling = watch.late.settling(file.id)
        settling.look([there], now)
        settling.doubt(there)
        if not settling.whole(there, settings().file_settle_s, now):
            watch.late.soon(file.id, now)
            return
        marker = sha256(f"{self.server.id}\0{there.path}\0{there.size}\0{there.modified_at}".encode()).hexdigest()[:24]
        destination = incoming_path(settings().incoming_dir, shown(there.name), marker)
        taken = watch.download(there, destination, settings().maximum_file_bytes, self.deadline - now)
        if taken is None:
            return
        if taken.sha256 == file.sha256:
            # Only its time changed, as clients set it at the end of an upload.
            with self.database.begin() as connection:
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
            sftp_server_id=self.server.id,
        )
        with self.database.begin() as connection:
            registered = register_grown_file(connection, file, grown, actor=f"sftp:{self.server.name}")
            key = registered.campaign.key if registered.campaign else "-"
            fields = {"file": shown(file.path), "taken": file.archived_size, "now": taken.size, "campaign": key}
            raise_alert(
                connection,
                reason="sftp_file_grew",
                subject=f"{self.subject}:{shown(file.path)}:grew",
                message=f"{sentence('sftp_file_grew', **fields)} {remedy('sftp_file_grew', **fields)}",
                team_id=file.team_id,
                campaign_id=registered.campaign.id if registered.campaign else None,
            )


def _settle_s(feed: FeedRow) -> float:
    """Seconds for which a feed's files must not change: its own setting, else the deployment's."""
    own = feed.settings.settle_s
    return settings().file_settle_s if own is None else own


def _unusable(connection: Connection, feeds: Iterable[FeedRow]) -> dict[int, NightmailError]:
    """What is wrong with feeds whose files would become no campaign: they stay on the server until it is mended."""
    found: dict[int, NightmailError] = {}
    for feed in feeds:
        try:
            category_of_feed(connection, feed)
        except NightmailError as error:
            found[feed.id] = error
    return found
