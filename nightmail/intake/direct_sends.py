"""A file that a person sends by hand, without a feed: ``nightmail send`` and quick sends."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, text

from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.intake import queries
from nightmail.intake.arrivals import Arrival, Registered
from nightmail.intake.received_files import add_file, assign_campaign, mark_repeated
from nightmail.organisation.feeds import FeedSettings
from nightmail.organisation.teams import team_id_of
from nightmail.stated_times import StatedStart


def register_direct_send(
    connection: Connection,
    team: str,
    template_version_id: int,
    arrival: Arrival,
    *,
    actor: str,
    settings: FeedSettings | None = None,
    start: StatedStart | None = None,
    cut_off_at: dt.datetime | None = None,
    again: bool = False,
) -> Registered:
    """Record a whole file that a person sends with a template, and make its campaign, in the caller's transaction.

    What is not handed off by ``cut_off_at`` is dropped. Of content that was sent before with the same template the file
    is ``repeated``, unless ``again``. Raises :class:`UsageError` (``team_unknown``).
    """
    team_id = team_id_of(connection, team)
    connection.execute(text(queries.LOCK), {"name": f"nightmail.send.{team_id}"})
    values = {"team": team_id, "version": template_version_id, "sha256": arrival.sha256}
    earlier = None if again else connection.scalar(text(queries.DIRECT_SEND_WITH_CONTENT), values)
    file_id = add_file(
        connection,
        team_id=team_id,
        source=arrival.source,
        path=arrival.path,
        name=arrival.name,
        size=arrival.size,
        sha256=arrival.sha256,
        stored_path=arrival.stored_path,
        received_by=actor,
    )
    # Only files on SFTP are recognised by their path.
    assert file_id is not None
    if earlier is not None:
        campaign = get_campaign(connection, int(earlier))
        mark_repeated(connection, [file_id], campaign)
        return Registered(file_id, "repeated", campaign)
    template = connection.execute(
        text(
            "select p.name, p.category_id from template_version v join template p on p.id = v.template_id "
            "where v.id = :version"
        ),
        {"version": template_version_id},
    ).one()
    campaign = create_campaign(
        connection,
        team_id=team_id,
        template_version_id=template_version_id,
        category_id=template.category_id,
        source=arrival.source,
        actor=actor,
        name=template.name,
        settings=(settings or FeedSettings()).stored(),
        times=CampaignTimes(start, cut_off_at),
        start_stated=start is not None,
    )
    assign_campaign(connection, [file_id], campaign.id)
    return Registered(file_id, "taken", campaign)
