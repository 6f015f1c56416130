"""Answering: result and reject files beside the uploads, and a word about files that are in no feed's folder."""

from __future__ import annotations

import posixpath
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from nightmail.contact_files.openpgp import encrypt
from nightmail.errors import ConfigurationError, NightmailError
from nightmail.intake.answer_names import REJECTS_SUFFIX, RESULT_SUFFIX
from nightmail.intake.answers import Answer, answer_of, write_answer_rejects
from nightmail.intake.due_answers import (
    FileRow,
    files_to_answer,
    record_answer_file,
    record_answered,
)
from nightmail.organisation.stored_feeds import feeds_of_server
from nightmail.organisation.team_settings import openpgp_keys
from nightmail.organisation.teams import team_paths
from nightmail.settings import settings
from resources.sftp import (
    SftpFolder,
    SftpUnreachableError,
    shown,
)
from sensors.sftp.look import CONTACT_FILE_ENDINGS, Look, refuse_beside

STRAYS_EVERY_S = 5.0


def write_answers(look: Look) -> None:
    """Write the answers that are due; one that fails is put aside and takes no other's place."""
    failed = [key[1] for key in look.watch.aside.waiting(time.monotonic()) if isinstance(key, tuple)]
    with look.database.connect() as connection:
        due = files_to_answer(connection, "sftp", look.server.id, except_ids=failed)
    for file in due:
        if time.monotonic() > look.deadline:
            return
        _answer_one(look, file)


def _answer_one(look: Look, file: FileRow) -> None:
    # Apart from the file's own subject: what failed is the answer, and the file may be taken and archived meanwhile.
    key = ("answer", file.id)
    subject = f"{look.subject}:{shown(file.path)}{RESULT_SUFFIX}"
    try:
        with look.database.connect() as connection:
            answer = answer_of(connection, file, look.lake.lake)
        _write(look, look.watch.folder(posixpath.dirname(file.path)), answer)
    except Exception as error:
        wait = look.watch.aside.failed(key, time.monotonic())
        look.alert(subject, error, "written", wait)
        if isinstance(error, SftpUnreachableError):
            look.watch.connection.client()
    else:
        if look.watch.aside.succeeded(key):
            look.resolve(subject)


def _write(look: Look, folder: SftpFolder, answer: Answer) -> None:
    file = answer.file
    if not answer.beside_upload:
        with look.database.begin() as connection:
            record_answered(connection, file, final=answer.final)
        return
    keys = None
    if answer.encrypted:
        with look.database.connect() as connection:
            keys = openpgp_keys(connection, team_paths(connection, [file.team_id])[file.team_id])
        if keys.encrypt_to is None:
            # Nobody said to whom: what came encrypted does not go back in the clear.
            with look.database.begin() as connection:
                record_answered(connection, answer.file, final=answer.final)
            raise ConfigurationError("openpgp_key", problem="the team states no key to encrypt answers to")
    if answer.has_rejects and file.state == "taken":
        with tempfile.TemporaryDirectory() as aside:
            rejects = write_answer_rejects(look.lake.lake, answer, Path(aside) / "rejects.csv")
            if keys is not None:
                rejects.write_bytes(encrypt(rejects.read_bytes(), keys))
            _own(look, file, answer.rejects_name, folder, rejects)
    result = answer.result()
    folder.write_beside(answer.result_name, result if keys is None else encrypt(result, keys))
    with look.database.begin() as connection:
        record_answered(connection, file, final=answer.final)


def _own(look: Look, file: FileRow, name: str, folder: SftpFolder, content: Path) -> None:
    """Write an answer that looks like a contact file.

    Its content is recorded first: were this process to die between the two, it would be recognised all the same,
    and not be taken for an upload.
    """
    digest = sha256(content.read_bytes()).hexdigest()
    path, size = posixpath.join(folder.path, name), content.stat().st_size
    with look.database.begin() as connection:
        record_answer_file(connection, file, name, path=path, size=size, sha256=digest, modified_at=None)
    written = folder.write_beside(name, content)
    with look.database.begin() as connection:
        record_answer_file(
            connection,
            file,
            name,
            path=written.path,
            size=written.size,
            sha256=digest,
            modified_at=written.modified_at,
        )


def answer_strays(look: Look) -> None:
    """Answer contact files that lie above the feeds' folders, where nobody takes them. They stay where they are."""
    now = time.monotonic()
    if now < look.watch.strays_at:
        return
    look.watch.strays_at = now + STRAYS_EVERY_S
    with look.database.connect() as connection:
        feeds = [feed.folder or "" for feed in feeds_of_server(connection, look.server.id)]
    root = look.watch.folder(look.server.path(""))
    if not feeds or root.path in {look.watch.folder(look.server.path(name)).path for name in feeds}:
        return
    try:
        listing = root.listing()
    except NightmailError:
        # Where nothing may be listed, nobody drops files either; the feeds' own folders are what counts.
        return
    settling = look.watch.settling(root.path)
    settling.look((*listing.files, *listing.unfinished), now)
    strays = [file for file in listing.files if file.name.casefold().endswith(CONTACT_FILE_ENDINGS)]
    strays = [file for file in strays if not file.name.endswith((RESULT_SUFFIX, REJECTS_SUFFIX))]
    known = ", ".join(sorted(feeds))
    for file in strays:
        subject = look.subject_of(file.path)
        if file in look.watch.told or not settling.whole(file, settings().file_settle_s, now):
            continue
        if look.due(subject):
            with look.alone(subject, "answered"):
                refuse_beside(root, file, "feed_unknown", {"value": shown(root.path), "known": known})
                look.watch.told.add(file)
