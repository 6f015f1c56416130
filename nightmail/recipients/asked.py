"""Which part of a recipient's history is wanted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from nightmail.recipients.file_rows import MOST_DAYS

MOST_MESSAGES = 100
"""Messages of one page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a recipient's history; ``before`` is where a page before it ended."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    team: str | None = None
    before: int | None = None
    limit: int = MOST_MESSAGES

    @property
    def looks_through_files(self) -> bool:
        """Whether the days are few enough to look through contact files as well."""
        if self.since is None or self.until is None or self.before is not None:
            return False
        return self.until - self.since <= dt.timedelta(days=MOST_DAYS, hours=1)
