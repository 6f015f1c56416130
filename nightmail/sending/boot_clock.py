"""The clock by which senders count how long something takes: it is never set, unlike the time of day."""

from __future__ import annotations

import time


def boot_time() -> float:
    """Seconds since the machine started, those in which it slept among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
