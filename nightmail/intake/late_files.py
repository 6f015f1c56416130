"""Files that were taken before they were whole: an upload that paused, and went on into the archived file, or one whose client
gave up and put the file again later.

The whole file becomes a second campaign of the feed. It continues the first one: rows whose contacts the first one has are
duplicates there, so that only what was missing is left, and it waits for a person's approval.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, text

from nightmail.intake import queries
from nightmail.intake.arrivals import Arrival, Registered, known_file
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.intake.received_files import add_file
from nightmail.organisation.stored_feeds import FeedRow, feed_by_id

WATCHED_FOR = dt.timedelta(minutes=15)
"""For so long after it was archived a file is looked at again."""
WATCHED_AT_MOST = 1_000
PUT_AGAIN_WITHIN = dt.timedelta(hours=12)
"""A file that begins with all of one taken from the same place not longer ago is that upload, put again."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A taken file as it lay in the archive when it was last compared."""

    id: int
    team_id: int
    feed_id: int
    campaign_id: int | None
    path: str
    """Where it was dropped."""
    name: str
    sha256: str
    archived_path: str
    archived_size: int
    archived_modified_at: dt.datetime


def record_archived(
    connection: Connection,
    file_id: int,
    path: str | None = None,
    size: int | None = None,
    modified_at: dt.datetime | None = None,
) -> None:
    """Record that an upload was moved to the archive, and as what it lies there; without a path it was gone already.

    ``size`` and ``modified_at`` are those of the content that was taken: another size in the archive is a change.
    """
    connection.execute(
        text(queries.RECORD_ARCHIVED), {"id": file_id, "path": path, "size": size, "modified_at": modified_at}
    )


def archived_lately(
    connection: Connection, sftp_server_id: int, only: Collection[int] | None = None
) -> list[ArchivedFile]:
    """The files of a server that were archived within :data:`WATCHED_FOR`; ``only`` those of these ids, if given."""
    if only is not None and not only:
        return []
    rows = connection.execute(
        text(queries.ARCHIVED_LATELY),
        {
            "server": sftp_server_id,
            "within": WATCHED_FOR,
            "only": None if only is None else sorted(only),
            "limit": WATCHED_AT_MOST,
        },
    )
    return [ArchivedFile(**row._mapping) for row in rows]


def record_compared(connection: Connection, file_id: int, size: int, modified_at: dt.datetime) -> None:
    """Record that the archived file was compared as it is now: it is looked at again only when it changes again."""
    connection.execute(
        text("update received_file set archived_size = :size, archived_modified_at = :modified_at where id = :id"),
        {"id": file_id, "size": size, "modified_at": modified_at},
    )


def register_grown_file(connection: Connection, file: ArchivedFile, arrival: Arrival, *, actor: str) -> Registered:
    """Make the campaign of what was missing when ``file`` was taken. One transaction: the caller's.

    ``state`` of the answer is ``known`` where a process did it already. Raises :class:`nightmail.errors.UsageError`
    (``feed_unknown``) when the feed is no longer active.
    """
    feed = feed_by_id(connection, file.feed_id)
    connection.execute(text(queries.LOCK), {"name": f"nightmail.intake.{feed.id}"})
    file_id = add_file(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        source="sftp",
        sftp_server_id=arrival.sftp_server_id,
        path=arrival.path,
        name=arrival.name,
        size=arrival.size,
        modified_at=arrival.modified_at,
        sha256=arrival.sha256,
        stored_path=arrival.stored_path,
        archived=True,
        received_by=actor,
    )
    assert arrival.modified_at is not None
    record_compared(connection, file.id, arrival.size, arrival.modified_at)
    if file_id is None:
        return Registered(0, "known", None)
    return _continued(connection, feed, file_id, file.campaign_id, actor)


@dataclass(frozen=True, slots=True)
class EarlierPart:
    """The beginning of a file, which was taken as a whole one."""

    id: int
    campaign_id: int
    size: int
    sha256: str


def earlier_part(connection: Connection, feed: FeedRow, arrival: Arrival) -> EarlierPart | None:
    """The upload to the same place that a whole file begins with all of; ``None`` as a rule.

    Not for content that was taken as a whole before, for a feed that sends the same content again, nor for files in parts.
    """
    if feed.settings.parts or feed.settings.same_content != "refuse":
        return None
    same = {"feed": feed.id, "sha256": arrival.sha256, "except": 0}
    if connection.scalar(text(queries.CAMPAIGN_WITH_CONTENT), same) is not None:
        return None
    values = {
        "feed": feed.id,
        "server": arrival.sftp_server_id,
        "path": arrival.path,
        "size": arrival.size,
        "within": PUT_AGAIN_WITHIN,
    }
    for row in connection.execute(text(queries.EARLIER_PARTS), values):
        if _begins_with(arrival.stored_path, row.size, row.sha256):
            return EarlierPart(**row._mapping)
    return None


def _begins_with(file: Path, size: int, sha256: str) -> bool:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while size > 0 and (block := content.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return size == 0 and digest.hexdigest() == sha256


def register_put_again(
    connection: Connection, feed: FeedRow, earlier: EarlierPart, arrival: Arrival, *, actor: str
) -> Registered:
    """Make the campaign of what was missing when ``earlier`` was taken. One transaction: the caller's.

    ``state`` of the answer is ``known`` where a process did it already.
    """
    connection.execute(text(queries.LOCK), {"name": f"nightmail.intake.{feed.id}"})
    file_id = add_file(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        source=arrival.source,
        sftp_server_id=arrival.sftp_server_id,
        path=arrival.path,
        name=arrival.name,
        size=arrival.size,
        modified_at=arrival.modified_at,
        sha256=arrival.sha256,
        stored_path=arrival.stored_path,
        received_by=actor,
    )
    if file_id is None:
        return known_file(connection, arrival)
    return _continued(connection, feed, file_id, earlier.campaign_id, actor)


def _continued(connection: Connection, feed: FeedRow, file_id: int, continues: int | None, actor: str) -> Registered:
    approval = feed.settings.approval.model_copy(update={"always": True})
    waiting = replace(feed, settings=feed.settings.model_copy(update={"approval": approval}))
    campaign = create_feed_campaign(connection, waiting, source="sftp", actor=actor)
    connection.execute(text(queries.CONTINUE_CAMPAIGN), {"id": campaign.id, "file": file_id, "continues": continues})
    return Registered(file_id, "taken", campaign)
