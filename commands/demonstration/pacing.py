"""How often the demo looks at what takes long."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOKING_SHARE = 20.0
"""Between two looks at the whole ledger passes so much more time than a look takes: it must not become the main work."""


def paced(look: Callable[[], bool], pause_s: float = 0.3) -> Callable[[], bool]:
    """``look``, but not again before ``pause_s`` are over, or :data:`LOOKING_SHARE` times as long as the last one took."""
    again_at = float("-inf")

    def now() -> bool:
        nonlocal again_at
        began = time.monotonic()
        if began < again_at:
            return False
        found = look()
        again_at = time.monotonic() + max(pause_s, LOOKING_SHARE * (time.monotonic() - began))
        return found

    return now
