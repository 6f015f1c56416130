"""A file that came: known or new, and the campaign that it becomes.

A file is known first by server, path, size and time of change, so that a look at a folder never takes it twice, and then
by the SHA-256 of its content, so that the same rows under another name are not sent again unless that is asked for.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.contact_files.part_names import PartName, part_name
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.reasons.problems import stated_problem


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
    problem = stated_problem("file_already_taken", campaign=earlier.key)
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
