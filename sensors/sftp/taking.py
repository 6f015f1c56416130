"""Taking: whole files become known, are registered for their feeds, and go to the archive."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import file_digest

from sqlalchemy import Connection

from nightmail.contact_files.openpgp import decrypt_file, is_encrypted, plain_name
from nightmail.errors import ContactFileError, NightmailError
from nightmail.intake.answer_names import REJECTS_SUFFIX, RESULT_SUFFIX
from nightmail.intake.arrivals import Arrival, register_file
from nightmail.intake.feed_campaigns import category_of_feed
from nightmail.intake.late_files import earlier_part, record_archived, register_put_again
from nightmail.intake.seen_files import KnownFile, known_files, refuse_file
from nightmail.organisation.hosting_regions import refuse_other_region
from nightmail.organisation.stored_feeds import FeedRow, feeds_of_server
from nightmail.organisation.team_settings import openpgp_keys
from nightmail.settings import settings
from resources.sftp import (
    Downloaded,
    Listing,
    RemoteFile,
    SftpFileChangedError,
    SftpFileTooLargeError,
    SftpFolder,
    shown,
)
from resources.sftp.settling import ends_cut_off
from sensors.sftp.archived import tell_grown
from sensors.sftp.look import CONTACT_FILE_ENDINGS, Look, refuse_beside

TAKING_S = 2.0
"""After so long of taking files a look ends, so that the first ones' runs start while the rest is taken."""


def take_files(look: Look) -> None:
    """Take the whole files of every feed on the server, for :data:`TAKING_S` at the most."""
    with look.database.connect() as connection:
        feeds = feeds_of_server(connection, look.server.id)
        unusable = _unusable(connection, feeds)
    taking_since = time.monotonic()
    for feed in feeds:
        folder = look.watch.folder(look.server.path(feed.folder or ""))
        subject = look.subject_of(folder.path)
        listing: Listing | None = None
        whole: list[tuple[RemoteFile, KnownFile | None]] = []
        if look.due(subject):
            with look.alone(subject, "looked at"):
                if feed.id in unusable:
                    # Its files stay on the server until somebody has mended the feed.
                    raise unusable[feed.id]
                listing = folder.listing()
                whole = _whole(look, folder, feed, listing)
        if listing is None:
            continue
        _tell_links(look, folder, listing)
        for file, known in whole:
            subject = look.subject_of(file.path)
            if look.due(subject):
                with look.alone(subject, "taken"):
                    _one(look, folder, feed, file, known, listing)
            now = time.monotonic()
            if now > look.deadline or now - taking_since > TAKING_S:
                return


def _whole(
    look: Look, folder: SftpFolder, feed: FeedRow, listing: Listing
) -> list[tuple[RemoteFile, KnownFile | None]]:
    """The folder's whole files that something is to be done about, oldest first."""
    now = time.monotonic()
    settling = look.watch.settling(folder.path)
    settling.look((*listing.files, *listing.unfinished), now)
    uploads = [file for file in listing.files if not plain_name(file.name).endswith(RESULT_SUFFIX)]
    suffix = feed.settings.marker_suffix
    if suffix:
        names = {file.name for file in listing.files}
        uploads = [f for f in uploads if not f.name.endswith(suffix) and f"{f.name}{suffix}" in names]
    stated = 0.0 if suffix else _settle_s(feed)
    still = [file for file in uploads if settling.whole(file, stated, now)]
    with look.database.connect() as connection:
        known = known_files(connection, look.server.id, [(f.path, f.size, f.modified_at) for f in still])
    found = [(file, known.get((file.path, file.size, file.modified_at))) for file in still]
    return [(file, state) for file, state in found if state is None or state.state != "answer"]


def _one(
    look: Look,
    folder: SftpFolder,
    feed: FeedRow,
    file: RemoteFile,
    known: KnownFile | None,
    listing: Listing,
) -> None:
    if known is not None and not (known.archived and known.moved):
        # Taken before, but it could not be archived yet. A server may even have said that it was gone.
        _archive(look, folder, file, known.id, () if known.answered else listing.files)
        return
    try:
        _register(look, folder, feed, file, listing, dropped_again=known is not None)
    except SftpFileChangedError:
        look.watch.settling(folder.path).forget(file)


def _register(
    look: Look,
    folder: SftpFolder,
    feed: FeedRow,
    file: RemoteFile,
    listing: Listing,
    *,
    dropped_again: bool,
) -> None:
    configured = settings()
    arrival = Arrival(
        source="sftp",
        path=file.path,
        name=file.name,
        size=file.size,
        sha256="",
        stored_path=look.incoming(file),
        # The very same file put back from the archive is a new arrival, told from the first by its time.
        modified_at=dt.datetime.now(dt.UTC) if dropped_again else file.modified_at,
        sftp_server_id=look.server.id,
    )
    try:
        taken = look.watch.download(
            file, arrival.stored_path, configured.maximum_file_bytes, look.deadline - time.monotonic()
        )
    except SftpFileTooLargeError as error:
        with look.database.begin() as connection:
            file_id = refuse_file(connection, feed, arrival, error.as_dict())
        _archive(look, folder, file, file_id, listing.files)
        return
    if taken is None:
        look.log.info("a large file is still being taken: %d bytes", file.size)
        return
    settling = look.watch.settling(folder.path)
    sure = feed.settings.marker_suffix or settling.surely_whole(file, _settle_s(feed), time.monotonic())
    try:
        content = _decrypted(look, feed, file, taken)
    except ContactFileError as error:
        taken.path.unlink()
        if not sure and error.reason == "file_not_decrypted":
            settling.doubt(file)
            return
        with look.database.begin() as connection:
            file_id = refuse_file(connection, feed, arrival, error.as_dict())
        _archive(look, folder, file, file_id, listing.files)
        return
    if not sure and ends_cut_off(content.path):
        # More of it may be on its way: it waits longer, and is taken again then.
        content.path.unlink()
        settling.doubt(file)
        return
    whole = replace(arrival, sha256=content.sha256, stored_path=content.path)
    with look.database.begin() as connection:
        actor = f"sftp:{look.server.name}"
        earlier = earlier_part(connection, feed, whole)
        if earlier is None:
            registered = register_file(connection, feed, whole, actor=actor)
        else:
            registered = register_put_again(connection, feed, earlier, whole, actor=actor)
            tell_grown(look, connection, registered, feed.team_id, file.path, earlier.size, whole.size)
    look.log.info(
        "a file of %d bytes was %s for the feed %s: campaign %s",
        taken.size,
        registered.state,
        feed.name,
        registered.campaign.key if registered.campaign else "none",
    )
    _archive(look, folder, file, registered.file_id, listing.files)
    suffix = feed.settings.marker_suffix
    for beside in listing.files if suffix else ():
        if beside.name == f"{file.name}{suffix}":
            folder.archive(beside)


def _decrypted(look: Look, feed: FeedRow, file: RemoteFile, taken: Downloaded) -> Downloaded:
    """The file as it is inside; the same where it is not encrypted. Raises :class:`ContactFileError`."""
    if not is_encrypted(file.name):
        return taken
    with look.database.connect() as connection:
        keys = openpgp_keys(connection, feed.team)
    inside = taken.path.with_name(plain_name(taken.path.name))
    decrypt_file(taken.path, inside, keys, settings().maximum_file_bytes)
    taken.path.unlink()
    with inside.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    return replace(taken, path=inside, sha256=digest)


def _archive(look: Look, folder: SftpFolder, file: RemoteFile, file_id: int, beside: Sequence[RemoteFile]) -> None:
    """Move a taken file into the archive, and with it those files ``beside`` that answer an earlier one of its name."""
    archived = folder.archive(file)
    with look.database.begin() as connection:
        record_archived(connection, file_id, archived.path if archived else None, file.size, file.modified_at)
    if archived is not None:
        look.watch.late.begin(file_id, time.monotonic())
    inside = plain_name(file.name).removesuffix(REJECTS_SUFFIX)
    names = {f"{file.name}{RESULT_SUFFIX}", f"{inside}{REJECTS_SUFFIX}"}
    old = [other for other in beside if names & {other.name, plain_name(other.name)} and other != file]
    with look.database.connect() as connection:
        known = known_files(connection, look.server.id, [(f.path, f.size, f.modified_at) for f in old])
    for other in old:
        state = known.get((other.path, other.size, other.modified_at))
        # A reject file that somebody corrected is an upload, not an old answer.
        if plain_name(other.name).endswith(RESULT_SUFFIX) or (state is not None and state.state == "answer"):
            folder.archive(other)


def _tell_links(look: Look, folder: SftpFolder, listing: Listing) -> None:
    """Say beside each link that it is left: what it points to may be outside the team's home."""
    for link in listing.links:
        subject = look.subject_of(link.path)
        if link in look.watch.told or not link.name.casefold().endswith(CONTACT_FILE_ENDINGS):
            continue
        if look.due(subject):
            with look.alone(subject, "answered"):
                refuse_beside(folder, link, "sftp_file_is_link", {"file": shown(link.name)})
                look.watch.told.add(link)


def _settle_s(feed: FeedRow) -> float:
    """Seconds for which a feed's files must not change: its own setting, else the deployment's."""
    own = feed.settings.settle_s
    return settings().file_settle_s if own is None else own


def _unusable(connection: Connection, feeds: Iterable[FeedRow]) -> dict[int, NightmailError]:
    """What is wrong with feeds whose files would become no campaign: they stay on the server until it is mended."""
    found: dict[int, NightmailError] = {}
    for feed in feeds:
        try:
            refuse_other_region(connection, feed.team_id)
            if feed.settings.sends:
                category_of_feed(connection, feed)
        except NightmailError as error:
            found[feed.id] = error
    return found
