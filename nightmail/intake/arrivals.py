"""A file that came: known or new, and the campaign that it becomes.

A file is known first by server, path, size and time of change, so that a look at a folder never takes it twice, and then
by the SHA-256 of its content, so that the same rows under another name are not sent again unless that is asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.contact_files.part_names import PartName, part_name
from nightmail.intake import queries
from nightmail.intake.arrival import Arrival
from nightmail.intake.contact_feeds import register_import
from nightmail.intake.feed_campaigns import create_feed_campaign
from nightmail.intake.received_files import add_file, assign_campaign, mark_repeated
from nightmail.organisation.hosting_regions import refuse_other_region
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.stated_times import StatedStart

__all__ = ["Arrival", "Registered", "known_file", "register_file"]


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
    start: StatedStart | None = None,
    now: dt.datetime | None = None,
) -> Registered:
    """Record a whole file and, unless its content was taken before, make its campaign, in the caller's transaction.

    A file of a feed that sends nothing becomes an import into the address book, and no campaign.

    ``again`` sends the same content once more on purpose; ``start`` wins over the feed's own. Raises :class:`UsageError`
    (``team_of_other_region``).
    """
    refuse_other_region(connection, feed.team_id)
    connection.execute(text(queries.LOCK), {"name": f"nightmail.intake.{feed.id}"})
    imported = not feed.settings.sends
    part = part_name(arrival.name) if feed.settings.parts and not imported else None
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
        state="taken" if part is None else "part",
        received_by=actor,
        corrects_id=arrival.corrects_id,
    )
    if file_id is None:
        return known_file(connection, arrival)
    if imported:
        register_import(connection, feed, arrival, file_id, actor)
        return Registered(file_id, "taken", None)
    if part is not None:
        return _register_part(connection, feed, arrival, file_id, part, actor, start)
    if not again and feed.settings.same_content == "refuse":
        values = {"feed": feed.id, "sha256": arrival.sha256, "except": file_id}
        earlier = connection.scalar(text(queries.CAMPAIGN_WITH_CONTENT), values)
        if earlier is not None:
            return _repeated(connection, file_id, [file_id], earlier)
    campaign = create_feed_campaign(connection, feed, source=arrival.source, actor=actor, start=start, now=now)
    assign_campaign(connection, [file_id], campaign.id)
    return Registered(file_id, "taken", campaign)


def known_file(connection: Connection, arrival: Arrival) -> Registered:
    """What became of a file on SFTP that was recorded before."""
    values = {
        "server": arrival.sftp_server_id,
        "path": arrival.path,
        "size": arrival.size,
        "modified_at": arrival.modified_at,
    }
    row = connection.execute(text(queries.SAME_FILE), values).one()
    campaign = get_campaign(connection, row.campaign_id) if row.campaign_id is not None else None
    return Registered(int(row.id), "known", campaign)


def _repeated(connection: Connection, file_id: int, file_ids: Sequence[int], earlier: int) -> Registered:
    campaign = get_campaign(connection, earlier)
    mark_repeated(connection, file_ids, campaign)
    return Registered(file_id, "repeated", campaign)


def _register_part(
    connection: Connection,
    feed: FeedRow,
    arrival: Arrival,
    file_id: int,
    part: PartName,
    actor: str,
    start: StatedStart | None,
) -> Registered:
    """Make the campaign of a file in parts when this part is the last one that was missing."""
    parts = _parts_beside(connection, feed, arrival, part)
    if len(parts) < part.total:
        return Registered(file_id, "part", None)
    ids = [int(row.id) for row in parts.values()]
    contents = {row.sha256 for row in parts.values()}
    if feed.settings.same_content == "refuse":
        values = {"feed": feed.id, "contents": list(contents), "count": len(contents)}
        earlier = connection.scalar(text(queries.CAMPAIGN_WITH_PARTS), values)
        if earlier is not None:
            return _repeated(connection, file_id, ids, earlier)
    campaign = create_feed_campaign(connection, feed, source=arrival.source, actor=actor, start=start)
    assign_campaign(connection, ids, campaign.id)
    return Registered(file_id, "taken", campaign)


def _parts_beside(connection: Connection, feed: FeedRow, arrival: Arrival, part: PartName) -> dict[int, Row[Any]]:
    """The waiting parts of the same file in the same folder, by their numbers; the one that came last counts."""
    folder = arrival.path.rpartition("/")[0]
    found: dict[int, Row[Any]] = {}
    for row in connection.execute(text(queries.WAITING_PARTS), {"feed": feed.id}):
        other = part_name(row.name)
        same = other is not None and (other.whole, other.total) == (part.whole, part.total)
        if other is not None and same and row.path.rpartition("/")[0] == folder:
            found[other.number] = row
    return found
