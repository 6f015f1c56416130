"""Templates as people see them: the version in force, the earlier ones, the feeds that send them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.channels import CHANNELS
from nightmail.templates.queries import TEMPLATES, VERSION_CONTENT, VERSIONS


@dataclass(frozen=True, slots=True)
class TemplateOverview:
    """A template and its version in force. ``feeds`` counts those that send it, at most 100."""

    id: int
    team: str
    team_id: int
    name: str
    category: str
    kind: str
    version_id: int
    version: int
    content: Mapping[str, Any] = field(repr=False)
    created_at: dt.datetime
    """When the version in force came."""
    created_by: str | None
    restores: int | None
    feeds: int

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in the list."""
        return f"{self.team}/{self.name}", self.id

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its bodies, as its content has them, without reading the bodies."""
        languages = self.content.get("languages")
        if isinstance(languages, Mapping):
            return tuple(str(language) for language in languages)
        return (str(self.content.get("default_language") or "en"),)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that have a body in some language."""
        languages = self.content.get("languages")
        bodies = list(languages.values()) if isinstance(languages, Mapping) else [self.content]
        return tuple(name for name in CHANNELS if any(isinstance(body, Mapping) and name in body for body in bodies))


@dataclass(frozen=True, slots=True)
class TemplateVersionRow:
    """One version: when it came, by whom, and which earlier one it took again."""

    id: int
    version: int
    created_at: dt.datetime
    created_by: str | None
    restores: int | None


def list_templates(
    connection: Connection,
    teams: Sequence[str],
    *,
    team: str | None = None,
    category: str | None = None,
    search: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[TemplateOverview]:
    """The templates at or below ``teams``, by their full names, from the first one after the place ``after``."""
    return _overviews(connection, teams, None, team, category, search, after, limit)


def template_overview(connection: Connection, teams: Sequence[str], template_id: int) -> TemplateOverview | None:
    """One template; ``None`` where there is none, or none at or below ``teams``."""
    return next(iter(_overviews(connection, teams, template_id, None, None, None, None, 1)), None)


def usable_templates(
    connection: Connection,
    teams: Sequence[str],
    *,
    template_id: int | None = None,
    search: str | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[TemplateOverview]:
    """The templates that ``teams`` and those below may send: their own, and those of teams above them."""
    return _overviews(connection, teams, template_id, None, None, search, after, limit, and_above=True)


def template_versions(
    connection: Connection, template_id: int, *, before: int | None = None, limit: int = 50
) -> list[TemplateVersionRow]:
    """The versions of a template, the newest first, from the first one under the number ``before``."""
    values = {"id": template_id, "before": before, "limit": limit}
    return [TemplateVersionRow(**row._mapping) for row in connection.execute(text(VERSIONS), values)]


def version_content(connection: Connection, template_id: int, version: int) -> Mapping[str, Any] | None:
    """The content of one version; ``None`` where there is no such version."""
    found: Mapping[str, Any] | None = connection.scalar(text(VERSION_CONTENT), {"id": template_id, "version": version})
    return found


def _overviews(
    connection: Connection,
    teams: Sequence[str],
    template_id: int | None,
    team: str | None,
    category: str | None,
    search: str | None,
    after: tuple[str, int] | None,
    limit: int,
    *,
    and_above: bool = False,
) -> list[TemplateOverview]:
    values = {
        "teams": list(teams),
        "and_above": and_above,
        "id": template_id,
        "team": team or None,
        "category": category or None,
        "search": search.lower() if search else None,
        "after_name": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    return [TemplateOverview(**row._mapping) for row in connection.execute(text(TEMPLATES), values)]
