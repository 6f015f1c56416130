"""The files that a campaign was made of, for who looks at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from nightmail.intake.queries import FILES_OF_CAMPAIGN


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A file as it came, and what became of it: ``taken``, ``judged``, ``repeated`` or ``refused``."""

    id: int
    name: str
    source: str
    server: str | None
    """The SFTP server that it came from."""
    size: int
    sha256: str | None
    state: str
    problem: dict[str, Any] | None
    received_at: dt.datetime
    answered_at: dt.datetime | None
    archived_at: dt.datetime | None


def files_of_campaign(connection: Connection, campaign_id: int, limit: int = 200) -> list[CampaignFile]:
    """The files of a campaign in the order in which they came; one with more parts than ``limit`` shows the first ones."""
    rows = connection.execute(text(FILES_OF_CAMPAIGN), {"campaign": campaign_id, "limit": limit})
    return [CampaignFile(**row._mapping) for row in rows]
