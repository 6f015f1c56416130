"""Quiet hours as a feed or a contact states them: hours of the local day in which nothing is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time

from nightmail.errors import UsageError


@dataclass(frozen=True)
class QuietHours:
    """Hours of the contact's own day in which nothing is sent; ``21:00`` to ``08:00`` goes over midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """``21:00-08:00``. Raises :class:`UsageError`."""
        match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", text)
        try:
            if match is None:
                raise ValueError
            hours = cls(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))
        except ValueError:
            raise UsageError("quiet_hours_invalid", value=repr(text)) from None
        return hours

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"
