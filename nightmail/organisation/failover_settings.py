"""When a carrier account counts as down, and in which steps its messages go another way: ``failover`` in its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverSettings:
    """The settings of one account; each has a default."""

    enabled: bool = True
    after: int = 5
    """So many answers that are doubtful, or requests that did not get through ..."""
    within_s: float = 60.0
    """... in so many seconds ..."""
    at_least_percent: float = 10.0
    """... that concern at least so many percent of the messages handed off meanwhile, and the account counts as down."""
    step_percent: int = 25
    """So many more of a hundred messages go over the next account with each step, and so many fewer on the way back."""
    cool_down_s: float = 20.0
    """Seconds between two steps."""


_NAMES = frozenset(field.name for field in fields(FailoverSettings))


def failover_settings(of_account: Mapping[str, Any]) -> FailoverSettings:
    """What the settings of an account state; names that are not known are passed over."""
    stated = of_account.get("failover") or {}
    return FailoverSettings(**{name: value for name, value in stated.items() if name in _NAMES})
