"""What is known of an audience after planning."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class AudienceSummary:
    """The counts of one planning: ``contacts == planned + held``, always."""

    contacts: int = 0
    planned: int = 0
    held: int = 0
    delayed: int = 0
    """Planned contacts with a ``not_before``: quiet hours, or a start in their own time zone."""
    by_channel: Counter[str] = field(default_factory=Counter)
    """Planned contacts by first channel."""
    by_reason: Counter[str] = field(default_factory=Counter)
    """Held contacts by reason."""
    by_country: Counter[str] = field(default_factory=Counter)
    """Planned contacts by the address's country."""
    first_not_before: datetime | None = None
    last_not_before: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, free of personal data."""
        return {
            "contacts": self.contacts,
            "planned": self.planned,
            "held": self.held,
            "delayed": self.delayed,
            "by_channel": dict(sorted(self.by_channel.items())),
            "by_reason": dict(sorted(self.by_reason.items())),
            "by_country": dict(sorted(self.by_country.items())),
            "first_not_before": self.first_not_before.isoformat() if self.first_not_before else None,
            "last_not_before": self.last_not_before.isoformat() if self.last_not_before else None,
        }
