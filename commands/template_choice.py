"""Which template ``--template T`` means: a file, a name among the samples, a name in the database, or none at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from commands.local import CHECKOUT
from nightmail.errors import UsageError
from nightmail.reasons import remedy, sentence

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.templates import Template

SAMPLES = CHECKOUT / "samples" / "templates"
SUFFIXES = (".yaml", ".yml", ".json", ".txt", ".html", ".htm")
PLAIN = """\
name: contacts_only
category: service
default_language: en
languages:
  en:
    sms: "No template was given."
    email: {subject: "No template was given", text: "No template was given."}
    voice: {say: "No template was given."}
"""
"""What stands in when no template is given: it takes every address and needs no placeholder."""


def choose_template(wanted: str | None, engine: Engine | None = None) -> Template:
    """The template that ``wanted`` means; without one, a plain one that takes every address.

    Raises :class:`UsageError` (``template_unknown``) with the names that are known.
    """
    from nightmail.templates import load_template

    if wanted is None:
        return load_template(PLAIN)
    path = Path(wanted)
    if path.suffix.lower() in SUFFIXES or os.sep in wanted:
        if not path.is_file():
            raise UsageError(
                "template_unknown", f"There is no template file {wanted}.", "Check the path.", value=wanted
            )
        return load_template(path)
    if engine is not None:
        found = _stored(engine, wanted)
        if found is not None:
            return load_template(found)
    sample = SAMPLES / f"{wanted}.yaml"
    if sample.is_file():
        return load_template(sample)
    known = ", ".join(sorted(path.stem for path in SAMPLES.glob("*.yaml"))) or "(none)"
    raise UsageError(
        "template_unknown",
        sentence("template_unknown", value=wanted),
        remedy("template_unknown", known=known),
        value=wanted,
    )


def _stored(engine: Engine, wanted: str) -> dict[str, object] | None:
    """The newest version of a template in the database, by ``name`` or ``team.path/name``."""
    from sqlalchemy import text

    team, _, name = wanted.rpartition("/")
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select v.content from template t join team on team.id = t.team_id "
                "join template_version v on v.template_id = t.id "
                "where t.name = :name and (:team = '' or team.path = :team) order by v.id desc limit 1"
            ),
            {"name": name, "team": team},
        ).first()
    return None if row is None else dict(row.content)
