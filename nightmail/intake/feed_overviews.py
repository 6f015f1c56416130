"""Feeds as people see them: what each sends, where its files come from, and the last one that came."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from nightmail.access.principals import Principal
from nightmail.intake.queries import FEED_OVERVIEWS
from nightmail.intake.upload_rights import teams_to_upload_to


@dataclass(frozen=True, slots=True)
class FeedOverview:
    """An active feed. ``settings`` are as they are stored: without the defaults."""

    id: int
    team: str
    name: str
    template_id: int | None
    template: str | None
    category: str | None
    folder: str | None
    sftp_server: str | None
    schedule: str | None
    settings: dict[str, Any] = field(repr=False)
    default_country: str | None
    created_at: dt.datetime
    provisioned_by: str | None
    """The top team of the organisation file that names it; ``None`` for one that was made otherwise."""
    file_id: int | None
    """The last file that came."""
    file_name: str | None
    file_state: str | None
    received_at: dt.datetime | None
    campaign: str | None
    """What the last file became."""
    campaign_state: str | None

    @property
    def kind(self) -> str:
        """``messages``, ``contacts`` or ``preferences``: what becomes of its files."""
        return str(self.settings.get("kind", "messages"))

    @property
    def sends(self) -> bool:
        """Whether its files are sent."""
        return self.kind == "messages"

    @property
    def full_name(self) -> str:
        """``team.path/name``: how the feed is called wherever one is named."""
        return f"{self.team}/{self.name}"

    @property
    def place(self) -> tuple[str, int]:
        """Where it stands in the list."""
        return self.full_name, self.id

    def file_excerpt(self) -> dict[str, Any]:
        """What an organisation file would say of it: the keys of a feed there, in their order."""
        said = {
            "team": self.team,
            "name": self.name,
            "template": self.template,
            "sftp_server": self.sftp_server,
            "folder": self.folder,
            "default_country": self.default_country,
            "schedule": self.schedule,
            "settings": self.settings,
        }
        return {name: value for name, value in said.items() if value}


def list_feeds(
    connection: Connection,
    teams: Sequence[str],
    *,
    team: str | None = None,
    search: str | None = None,
    template_id: int | None = None,
    uploader: Principal | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 50,
) -> list[FeedOverview]:
    """The active feeds at or below ``teams``, by their full names, from the first one after the place ``after``.

    ``search`` is looked for in a feed's name, its template's and its folder. With ``uploader`` those alone that this principal may
    upload to as far as their kind goes.
    """
    return _overviews(
        *(connection, teams),
        team=team,
        search=search,
        template=template_id,
        uploader=uploader,
        after=after,
        limit=limit,
    )


def feed_overview(connection: Connection, teams: Sequence[str], feed_id: int) -> FeedOverview | None:
    """One active feed; ``None`` where there is none, or none at or below ``teams``."""
    return next(iter(_overviews(connection, teams, feed_id=feed_id)), None)


def _overviews(
    connection: Connection,
    teams: Sequence[str],
    *,
    feed_id: int | None = None,
    team: str | None = None,
    search: str | None = None,
    template: int | None = None,
    uploader: Principal | None = None,
    after: tuple[str, int] | None = None,
    limit: int = 1,
) -> list[FeedOverview]:
    values = {
        "teams": list(teams),
        "id": feed_id,
        "team": team or None,
        "search": search.lower() if search else None,
        "template": template,
        "to_upload": uploader is not None,
        "kinds": json.dumps({} if uploader is None else teams_to_upload_to(uploader)),
        "after_name": after[0] if after else None,
        "after_id": after[1] if after else None,
        "limit": limit,
    }
    return [FeedOverview(**row._mapping) for row in connection.execute(text(FEED_OVERVIEWS), values)]
