"""Templates in the store: each version is kept as it was, and never changed."""

from __future__ import annotations

import json

from sqlalchemy import Connection, text

from nightmail.audit import write_entry
from nightmail.organisation.categories import named_category
from nightmail.organisation.teams import team_id_of
from nightmail.templates.model import Template

_STORE_TEMPLATE = """
    insert into template (team_id, name, category_id) values (:team, :name, :category)
    on conflict (team_id, name) do update set category_id = excluded.category_id
    returning id
"""
_STORE_VERSION = """
    insert into template_version (template_id, version, content) values (:id, :version, cast(:content as jsonb))
    returning id
"""


def store_template(connection: Connection, team: str, template: Template, *, actor: str) -> int:
    """Keep a template as a team's next version, unless the newest one is the same; return the version's id.

    Raises :class:`UsageError` (``team_unknown``, ``category_unknown``).
    """
    team_id = team_id_of(connection, team)
    category = named_category(connection, team, template.category, by=f"the template {template.name}")
    values = {"team": team_id, "name": template.name, "category": category.id}
    template_id = connection.scalars(text(_STORE_TEMPLATE), values).one()
    # As the database would give it back: its JSON has neither tuples nor dates.
    content = json.dumps(dict(template.content), default=str)
    newest = connection.execute(
        text("select id, version, content from template_version where template_id = :id order by version desc limit 1"),
        {"id": template_id},
    ).first()
    if newest is not None and newest.content == json.loads(content):
        return int(newest.id)
    version = 1 if newest is None else newest.version + 1
    values = {"id": template_id, "version": version, "content": content}
    stored = connection.scalars(text(_STORE_VERSION), values).one()
    write_entry(
        connection,
        actor=actor,
        action="template.stored",
        subject=f"{team}/{template.name}",
        team_id=team_id,
        detail={"version": version},
    )
    return int(stored)
