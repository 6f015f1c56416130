"""A file sent by hand, without a feed: ``nightmail send`` and quick sends. The template says what, the person says when."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.creation import create_campaign
from nightmail.intake.arrivals import Arrival, Registered
from nightmail.organisation.categories import named_category
from nightmail.organisation.feeds import FeedSettings
from nightmail.organisation.teams import team_id_of
from nightmail.reasons.problems import stated_problem
from nightmail.templates import Template


def store_template(connection: Connection, team: str, template: Template, *, actor: str) -> int:
    """Keep a template as a team's, as its next version unless it is as the newest; gives the version's id.

    Raises :class:`UsageError` for an unknown team, or a category that the team does not have.
    """
    team_id = team_id_of(connection, team)
    category = named_category(connection, team, template.category, by=f"the template {template.name}")
    template_id = connection.scalar(
        text(
            "insert into template (team_id, name, category_id) values (:team, :name, :category) "
            "on conflict (team_id, name) do update set category_id = excluded.category_id returning id"
        ),
        {"team": team_id, "name": template.name, "category": category.id},
    )
    # What the database would give back: its JSON has neither tuples nor dates.
    content = json.dumps(dict(template.content), default=str)
    newest = connection.execute(
        text("select id, version, content from template_version where template_id = :id order by version desc limit 1"),
        {"id": template_id},
    ).first()
    if newest is not None and newest.content == json.loads(content):
        return int(newest.id)
    version = 1 if newest is None else newest.version + 1
    made = connection.scalar(
        text(
            "insert into template_version (template_id, version, content) "
            "values (:id, :version, cast(:content as jsonb)) returning id"
        ),
        {"id": template_id, "version": version, "content": content},
    )
    assert made is not None
    write_entry(
        connection,
        actor=actor,
        action="template.stored",
        subject=f"{team}/{template.name}",
        team_id=team_id,
        detail={"version": version},
    )
    return int(made)


def register_direct_send(
    connection: Connection,
    team: str,
    template_version_id: int,
    arrival: Arrival,
    *,
    actor: str,
    settings: FeedSettings | None = None,
    scheduled_at: dt.datetime | None = None,
    cut_off_at: dt.datetime | None = None,
    again: bool = False,
) -> Registered:
    """Make the campaign of a whole file that a person sends with a template. One transaction: the caller's.

    What is not handed off by ``cut_off_at`` is dropped. The same content with the same template was sent before: ``repeated``, unless ``again``.
    """
    team_id = team_id_of(connection, team)
    values: Mapping[str, Any] = {"team": team_id, "version": template_version_id, "sha256": arrival.sha256}
    connection.execute(text("select pg_advisory_xact_lock(hashtext(:team))"), {"team": f"nightmail.send.{team_id}"})
    earlier = connection.scalar(
        text(
            "select c.id from received_file r join campaign c on c.id = r.campaign_id "
            "join template_version v on v.id = c.template_version_id "
            "where r.team_id = :team and r.sha256 = :sha256 and r.state <> 'repeated' "
            "and v.template_id = (select template_id from template_version where id = :version) "
            "and not (c.state in ('stopped', 'cancelled') and c.first_hand_off_at is null) order by c.id desc limit 1"
        ),
        dict(values),
    )
    if earlier is not None and not again:
        campaign = get_campaign(connection, int(earlier))
        return Registered(_keep(connection, team_id, campaign.id, arrival, campaign.key), "repeated", campaign)
    row = connection.execute(
        text(
            "select p.name, p.category_id from template_version v join template p on p.id = v.template_id "
            "where v.id = :version"
        ),
        dict(values),
    ).one()
    campaign = create_campaign(
        connection,
        team_id=team_id,
        template_version_id=template_version_id,
        category_id=row.category_id,
        source=arrival.source,
        actor=actor,
        name=row.name,
        settings=(settings or FeedSettings()).stored(),
        scheduled_at=scheduled_at,
        cut_off_at=cut_off_at,
    )
    return Registered(_keep(connection, team_id, campaign.id, arrival, None), "taken", campaign)


def _keep(connection: Connection, team_id: int, campaign_id: int, arrival: Arrival, repeats: str | None) -> int:
    problem = None
    if repeats is not None:
        problem = stated_problem("file_already_taken", campaign=repeats)
    made = connection.scalar(
        text(
            "insert into received_file (team_id, campaign_id, source, path, name, size, sha256, stored_path, state,"
            " problem) values (:team, :campaign, :source, :path, :name, :size, :sha256, :stored, :state,"
            " cast(:problem as jsonb)) returning id"
        ),
        {
            "team": team_id,
            "campaign": campaign_id,
            "source": arrival.source,
            "path": arrival.path,
            "name": arrival.name,
            "size": arrival.size,
            "sha256": arrival.sha256,
            "stored": str(arrival.stored_path),
            "state": "taken" if repeats is None else "repeated",
            "problem": None if problem is None else json.dumps(problem),
        },
    )
    assert made is not None
    return int(made)
