"""Which template ``--template T`` means: a file, a name in the database, a name among the samples, or none at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.templates import Template

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

    A name in the database wins over a sample's. Raises :class:`UsageError` (``template_unknown``) with the known names.
    """
    from nightmail.templates import find_template, load_template

    if wanted is None:
        return load_template(PLAIN)
    if engine is not None and not Path(wanted).suffix and not Path(wanted).is_file():
        stored = stored_template(engine, wanted)
        if stored is not None:
            return load_template(stored)
    path = Path(wanted)
    if os.sep in wanted and path.is_file():
        return load_template(path)
    return find_template(wanted)


def stored_template(engine: Engine, wanted: str) -> dict[str, object] | None:
    """The newest version of a template in the database, by ``name`` or ``team.path/name``."""
    from nightmail.organisation.stored_templates import newest_template_content

    team, _, name = wanted.rpartition("/")
    with engine.connect() as connection:
        content = newest_template_content(connection, name, team or None)
    return None if content is None else dict(content)
