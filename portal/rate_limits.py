"""How often one key may ask: a bucket per key that fills at a steady rate, in this process's memory."""

from __future__ import annotations

import math
import time
from threading import Lock

MAXIMUM_BUCKETS = 10_000


class RateLimits:
    """Buckets by name; ``rate_per_s`` fills them, up to ``burst``."""

    def __init__(self, rate_per_s: float, burst: float | None = None) -> None:
        self._rate = rate_per_s
        self._burst = burst if burst is not None else max(2 * rate_per_s, 1.0)
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, name: str) -> int:
        """Take one from a bucket: 0 when there was one, else the whole seconds after which there will be."""
        now = time.monotonic()
        with self._lock:
            tokens, filled_at = self._buckets.pop(name, (self._burst, now))
            tokens = min(self._burst, tokens + (now - filled_at) * self._rate)
            taken = tokens >= 1
            self._buckets[name] = (tokens - 1 if taken else tokens, now)
            if len(self._buckets) > MAXIMUM_BUCKETS:
                # The first one is the one that was used least recently: it is the nearest to being full.
                self._buckets.pop(next(iter(self._buckets)))
        return 0 if taken else max(1, math.ceil((1 - tokens) / self._rate))
