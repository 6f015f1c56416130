"""A file that came: known or new, and the campaign that it becomes.

A file is known first by server, path, size and time of change, so that a look at a folder never takes it twice, and then
by the SHA-256 of its content, so that the same rows under another name are not sent again unless that is asked for.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from nightmail.campaigns.campaigns import CampaignRow, create_campaign, get_campaign
from nightmail.intake.feed_rows import FeedRow, next_run_of
from nightmail.intake.parts import PartName, part_name
from nightmail.organisation.categories import named_category
from nightmail.organisation.feeds import FeedSettings, next_time_of_day
from nightmail.reasons import remedy, sentence

WEST_OF_ALL = dt.timedelta(hours=14)
"""A wall-clock time comes in the easternmost zone so long before it comes in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A whole file, stored under ``stored_path``. ``path`` is where it lay: on the server, or what the client named it."""

    source: str
    """``sftp``, ``api``, ``portal`` or ``command``."""
    path: str
    name: str
    size: int
    sha256: str
    stored_path: Path
    modified_at: dt.datetime | None = None
    sftp_server_id: int | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of an arrival.

    ``state`` is ``taken`` (a campaign was made), ``repeated`` (``campaign`` is the earlier one with the same content),
    ``known`` (this very file was registered before) or ``part`` (further parts are missing; no campaign yet).
    """

    file_id: int
    state: str
    campaign: CampaignRow | None


def incoming_path(folder: Path, name: str, marker: str) -> Path:
    """Where an uploaded file is kept: ``folder/marker/name``, the name stripped of everything that could lead elsewhere."""
    plain = re.sub(r"[^\w.\- ]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ") or "file"
    plain = plain.encode()[-180:].decode(errors="ignore")
    destination = folder / marker / plain
    destination.parent.mkdir(parents=True, exist_ok=True)
    destination.parent.chmod(0o700)
    return destination


Look = tuple[str, int, dt.datetime]
"""What one look at a folder sees of a file: path, size, time of change."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was seen before: an upload, or an answer of ours (state ``answer``)."""

    id: int
    state: str
    archived: bool


def known_files(connection: Connection, sftp_server_id: int, looks: Iterable[Look]) -> dict[Look, KnownFile]:
    """Those of the files seen that are known, in one query."""
    wanted = list(looks)
    if not wanted:
        return {}
    rows = connection.execute(
        text(
            "select r.path, r.size, r.modified_at, r.id, r.state, r.archived_at is not null as archived "
            "from received_file r "
            "join unnest(cast(:paths as text[]), cast(:sizes as bigint[]), cast(:times as timestamptz[])) "
            "as w (path, size, modified_at) on r.path = w.path and r.size = w.size and r.modified_at = w.modified_at "
            "where r.source = 'sftp' and r.sftp_server_id = :server"
        ),
        {
            "server": sftp_server_id,
            "paths": [path for path, _, _ in wanted],
            "sizes": [size for _, size, _ in wanted],
            "times": [time for _, _, time in wanted],
        },
    )
    return {
        (row.path, int(row.size), row.modified_at): KnownFile(int(row.id), row.state, bool(row.archived))
        for row in rows
    }


def record_archived(connection: Connection, file_id: int) -> None:
    """Remember that an upload was moved to the archive."""
    connection.execute(text("update received_file set archived_at = now() where id = :id"), {"id": file_id})


def refuse_file(connection: Connection, feed: FeedRow, arrival: Arrival, problem: Mapping[str, Any]) -> int:
    """Make known a file that cannot even be taken (too large, say), with the reason that its uploader is told."""
    return int(
        connection.scalar(
            text(
                "insert into received_file (team_id, feed_id, source, sftp_server_id, path, name, size, modified_at,"
                " state, problem) values (:team, :feed, :source, :server, :path, :name, :size, :modified, 'refused',"
                " cast(:problem as jsonb)) on conflict do nothing returning id"
            ),
            {
                "team": feed.team_id,
                "feed": feed.id,
                "source": arrival.source,
                "server": arrival.sftp_server_id,
                "path": arrival.path,
                "name": arrival.name,
                "size": arrival.size,
                "modified": arrival.modified_at,
                "problem": json.dumps(dict(problem), default=str),
            },
        )
        or 0
    )


def start_times(
    feed: FeedSettings, time_zone: str, after: dt.datetime, schedule: dt.datetime | None = None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """When a campaign is released and when it is cut off (UTC): ``None`` is at once, and never.

    ``schedule`` is the next time of a standing feed's schedule. A start in each recipient's own zone is released when
    that time comes first anywhere; each message then waits for its own zone.
    """
    starts = schedule
    if feed.send_at is not None:
        starts = next_time_of_day(feed.send_at, time_zone, starts or after)
        if feed.send_in == "recipient":
            starts = local_start_of(starts, time_zone).replace(tzinfo=dt.UTC) - WEST_OF_ALL
            starts = max(starts, after)
    cut_off = None
    if feed.cut_off_after_s is not None:
        cut_off = (starts or after) + dt.timedelta(seconds=feed.cut_off_after_s)
    if feed.cut_off is not None:
        at_time = next_time_of_day(feed.cut_off, time_zone, (starts or after) + dt.timedelta(seconds=1))
        cut_off = min(cut_off, at_time) if cut_off else at_time
    return starts, cut_off


def local_start_of(starts_at: dt.datetime, time_zone: str) -> dt.datetime:
    """The wall-clock time of ``starts_at`` in the team's zone, without a zone: when it comes in each recipient's own."""
    return starts_at.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def recipient_start(feed: FeedSettings, starts_at: dt.datetime | None) -> dt.datetime | None:
    """The wall-clock time at which each recipient's messages of a campaign go; ``None`` where the team's zone decides.

    ``starts_at`` is when that time comes first anywhere (:func:`start_times`).
    """
    if feed.send_at is None or feed.send_in != "recipient" or starts_at is None:
        return None
    wanted = dt.time.fromisoformat(feed.send_at)
    return local_start_of(starts_at, "Pacific/Kiritimati").replace(hour=wanted.hour, minute=wanted.minute)


def newest_template_version(connection: Connection, template_id: int) -> int:
    """The id of a template's newest version. Raises ``LookupError`` when it has none."""
    found = connection.scalar(
        text("select id from template_version where template_id = :id order by version desc limit 1"),
        {"id": template_id},
    )
    if found is None:
        raise LookupError(f"template {template_id} has no version")
    return int(found)


def create_feed_campaign(
    connection: Connection,
    feed: FeedRow,
    *,
    source: str,
    actor: str,
    scheduled_at: dt.datetime | None = None,
    accepts_until: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> CampaignRow:
    """Make a campaign of a feed, with the feed's settings as they are now; ``scheduled_at`` wins over the feed's own."""
    now = now or connection.scalars(text("select now()")).one()
    own_start, cut_off = start_times(feed.settings, feed.time_zone, now, next_run_of(feed, now))
    if scheduled_at is not None:
        # A cut-off goes by the start that is wanted. What a schedule missed is late, and its cut-off stays where it was;
        # a person's time that is over means now.
        start = scheduled_at if source == "contacts" else max(now, scheduled_at)
        _, cut_off = start_times(feed.settings.model_copy(update={"send_at": None}), feed.time_zone, start)
    return create_campaign(
        connection,
        team_id=feed.team_id,
        feed_id=feed.id,
        template_version_id=newest_template_version(connection, feed.template_id),
        category_id=category_of_feed(connection, feed),
        source=source,
        actor=actor,
        settings=feed.settings.stored(),
        priority=feed.settings.priority if "priority" in feed.settings.model_fields_set else None,
        scheduled_at=scheduled_at or own_start,
        cut_off_at=cut_off,
        accepts_until=accepts_until,
    )


def category_of_feed(connection: Connection, feed: FeedRow) -> int:
    """The id of the category that a feed's campaigns are of. Raises :class:`UsageError` (``category_unknown``)."""
    if feed.settings.category is None:
        return feed.category_id
    category = named_category(connection, feed.team, feed.settings.category, by=f"the feed {feed.name}")
    assert category.id is not None
    return category.id


def register_file(
    connection: Connection,
    feed: FeedRow,
    arrival: Arrival,
    *,
    actor: str,
    again: bool = False,
    scheduled_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> Registered:
    """Make a whole file known and, unless its content was taken before, make its campaign. One transaction: the caller's.

    ``again`` sends the same content once more on purpose.
    """
    connection.execute(text("select pg_advisory_xact_lock(hashtext(:feed))"), {"feed": f"nightmail.intake.{feed.id}"})
    file_id = connection.scalar(
        text(
            "insert into received_file (team_id, feed_id, source, sftp_server_id, path, name, size, modified_at, sha256,"
            " stored_path) values (:team, :feed, :source, :server, :path, :name, :size, :modified, :sha256, :stored)"
            " on conflict do nothing returning id"
        ),
        {
            "team": feed.team_id,
            "feed": feed.id,
            "source": arrival.source,
            "server": arrival.sftp_server_id,
            "path": arrival.path,
            "name": arrival.name,
            "size": arrival.size,
            "modified": arrival.modified_at,
            "sha256": arrival.sha256,
            "stored": str(arrival.stored_path),
        },
    )
    if file_id is None:
        row = connection.execute(
            text(
                "select id, campaign_id from received_file where source = 'sftp' and sftp_server_id = :server "
                "and path = :path and size = :size and modified_at = :modified"
            ),
            {
                "server": arrival.sftp_server_id,
                "path": arrival.path,
                "size": arrival.size,
                "modified": arrival.modified_at,
            },
        ).one()
        campaign = get_campaign(connection, row.campaign_id) if row.campaign_id is not None else None
        return Registered(int(row.id), "known", campaign)
    part = part_name(arrival.name) if feed.settings.parts else None
    if part is not None:
        return _register_part(connection, feed, arrival, int(file_id), part, actor, scheduled_at)
    if not again and feed.settings.same_content == "refuse":
        earlier = _campaign_with_content(connection, feed.id, arrival.sha256, int(file_id))
        if earlier is not None:
            _repeated(connection, [int(file_id)], earlier)
            return Registered(int(file_id), "repeated", earlier)
    campaign = create_feed_campaign(
        connection, feed, source=arrival.source, actor=actor, scheduled_at=scheduled_at, now=now
    )
    connection.execute(
        text("update received_file set campaign_id = :campaign where id = :id"),
        {"id": file_id, "campaign": campaign.id},
    )
    return Registered(int(file_id), "taken", campaign)


def _repeated(connection: Connection, file_ids: list[int], earlier: CampaignRow) -> None:
    problem = {
        "reason": "file_already_taken",
        "message": sentence("file_already_taken", campaign=earlier.key),
        "remedy": remedy("file_already_taken", campaign=earlier.key),
    }
    connection.execute(
        text(
            "update received_file set state = 'repeated', campaign_id = :campaign, "
            "problem = cast(:problem as jsonb) where id = any(:ids)"
        ),
        {"ids": file_ids, "campaign": earlier.id, "problem": json.dumps(problem)},
    )


def _register_part(
    connection: Connection,
    feed: FeedRow,
    arrival: Arrival,
    file_id: int,
    part: PartName,
    actor: str,
    scheduled_at: dt.datetime | None,
) -> Registered:
    """Keep one part; make the campaign when it is the last one that was missing."""
    connection.execute(text("update received_file set state = 'part' where id = :id"), {"id": file_id})
    waiting = connection.execute(
        text(
            "select id, name, path, sha256 from received_file where feed_id = :feed and state = 'part' "
            "and campaign_id is null order by id"
        ),
        {"feed": feed.id},
    ).all()
    folder = arrival.path.rpartition("/")[0]
    found: dict[int, Any] = {}
    for row in waiting:
        other = part_name(row.name)
        same = other is not None and (other.whole, other.total) == (part.whole, part.total)
        if other is not None and same and row.path.rpartition("/")[0] == folder:
            # A part that was uploaded again takes the place of the earlier one.
            found[other.number] = row
    if len(found) < part.total:
        return Registered(file_id, "part", None)
    rows = [found[number] for number in range(1, part.total + 1)]
    ids = [int(row.id) for row in rows]
    earlier = connection.scalar(
        text(
            "select r.campaign_id from received_file r join campaign c on c.id = r.campaign_id where r.feed_id = :feed "
            "and r.sha256 = any(:contents) and r.state in ('taken', 'judged') "
            "and not (c.state in ('stopped', 'cancelled') and c.first_hand_off_at is null) "
            "group by r.campaign_id having count(distinct r.sha256) = :many limit 1"
        ),
        {"feed": feed.id, "contents": [row.sha256 for row in rows], "many": len({row.sha256 for row in rows})},
    )
    if earlier is not None and feed.settings.same_content == "refuse":
        campaign = get_campaign(connection, int(earlier))
        _repeated(connection, ids, campaign)
        return Registered(file_id, "repeated", campaign)
    campaign = create_feed_campaign(connection, feed, source=arrival.source, actor=actor, scheduled_at=scheduled_at)
    connection.execute(
        text("update received_file set campaign_id = :campaign, state = 'taken' where id = any(:ids)"),
        {"campaign": campaign.id, "ids": ids},
    )
    return Registered(file_id, "taken", campaign)


def _campaign_with_content(connection: Connection, feed_id: int, sha256: str, but: int) -> CampaignRow | None:
    # A campaign that was stopped or cancelled before anything was sent does not count: its file may come again.
    found = connection.scalar(
        text(
            "select c.id from received_file r join campaign c on c.id = r.campaign_id where r.feed_id = :feed "
            "and r.sha256 = :sha256 and r.id <> :but and r.state <> 'repeated' "
            "and not (c.state in ('stopped', 'cancelled') and c.first_hand_off_at is null) order by c.id desc limit 1"
        ),
        {"feed": feed_id, "sha256": sha256, "but": but},
    )
    return None if found is None else get_campaign(connection, int(found))
