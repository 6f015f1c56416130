"""What failed in a look and is left alone for a while, so that it holds up nothing else: tried again less and less often."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0


@dataclass(slots=True)
class _Failure:
    times: int
    until: float


class PutAside:
    """The failures of one server's files, folders and answers. Times are of one monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._failures: dict[Hashable, _Failure] = {}

    def due(self, key: Hashable, now: float) -> bool:
        """Whether ``key`` may be tried."""
        failure = self._failures.get(key)
        return failure is None or now >= failure.until

    def failed(self, key: Hashable, now: float) -> float:
        """Note a failure. Returns the seconds until the next attempt: 2 s, doubling, 5 min at most."""
        times = self._failures[key].times + 1 if key in self._failures else 1
        wait = min(FIRST_WAIT_S * 2.0 ** (times - 1), LONGEST_WAIT_S)
        self._failures[key] = _Failure(times, now + wait)
        return wait

    def succeeded(self, key: Hashable) -> bool:
        """Note a success. Returns whether ``key`` had failed before."""
        return self._failures.pop(key, None) is not None

    def waiting(self, now: float) -> list[Hashable]:
        """What may not be tried yet."""
        return [key for key, failure in self._failures.items() if now < failure.until]
