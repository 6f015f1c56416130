"""The counts of an audience after planning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt


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

    def add(
        self,
        *,
        planned: int,
        by_channel: Mapping[str, int],
        by_reason: Mapping[str, int],
        by_country: Mapping[str, int],
        not_before: npt.NDArray[np.int64],
    ) -> None:
        """Count the contacts of one more block; ``not_before`` are microseconds since 1970 of those that wait."""
        held = sum(by_reason.values())
        self.contacts += planned + held
        self.planned += planned
        self.held += held
        self.by_channel.update({name: count for name, count in by_channel.items() if count})
        self.by_reason.update(by_reason)
        self.by_country.update(by_country)
        self.delayed += len(not_before)
        if len(not_before):
            first, last = (
                datetime.fromtimestamp(int(edge) / 1e6, UTC) for edge in (not_before.min(), not_before.max())
            )
            self.first_not_before = min(first, self.first_not_before or first)
            self.last_not_before = max(last, self.last_not_before or last)

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
