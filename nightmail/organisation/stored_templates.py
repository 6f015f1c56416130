"""Templates as the database has them: versions of their content, found by number, by name or by the feeds that use them.

What a content means is read by :func:`nightmail.templates.stored_template`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from nightmail.errors import UsageError
from nightmail.organisation.queries import CONTENTS_IN_USE, NEWEST_CONTENT, NEWEST_VERSION_NAMED, TEMPLATE_NAMES

Content = Mapping[str, Any]
"""What a template's file holds, as JSON."""


def newest_template_version(connection: Connection, template_id: int) -> int:
    """The id of a template's newest version. Raises ``LookupError`` when it has none."""
    found = connection.scalar(
        text("select id from template_version where template_id = :id order by version desc limit 1"),
        {"id": template_id},
    )
    if found is None:
        raise LookupError(f"template {template_id} has no version")
    return int(found)


def content_of_newest(connection: Connection, template_id: int) -> Content:
    """The content of a template's newest version. Raises ``LookupError`` when it has none."""
    found: Content | None = connection.scalar(
        text("select content from template_version where template_id = :id order by version desc limit 1"),
        {"id": template_id},
    )
    if found is None:
        raise LookupError(f"template {template_id} has no version")
    return found


def newest_version_named(connection: Connection, team: str, name: str) -> int:
    """The id of the newest version of the template that a team means by a name: its own, else that of the nearest team above.

    Raises :class:`UsageError` (``template_unknown``) with the names that it may use.
    """
    found = connection.scalar(text(NEWEST_VERSION_NAMED), {"team": team, "name": name})
    if found is None:
        known = connection.scalars(text(TEMPLATE_NAMES), {"team": team}).all()
        raise UsageError("template_unknown", value=name, known=", ".join(known) or "(none)")
    return int(found)


def template_content(connection: Connection, version_id: int) -> Content | None:
    """The content of a template's version; ``None`` where there is no such version."""
    found: Content | None = connection.scalar(
        text("select content from template_version where id = :id"), {"id": version_id}
    )
    return found


def newest_template_content(connection: Connection, name: str, team: str | None = None) -> Content | None:
    """The content of a template's newest version, of the team at a path or of any; ``None`` where there is none."""
    found: Content | None = connection.scalar(text(NEWEST_CONTENT), {"name": name, "team": team})
    return found


def contents_in_use(connection: Connection) -> list[Content]:
    """The newest version's content of every template that an active feed sends."""
    return list(connection.scalars(text(CONTENTS_IN_USE)))
