"""How sensors look: often within one tick, never longer than a tick may last.

Dagster's daemon evaluates a sensor every five seconds. A tick that finds nothing looks again every fraction of a
second for most of that time, so that a file waits for tenths of a second and not for the next tick. Ticks run in
threads of the code server (``sensors: use_threads`` in dagster.yaml), so that one that waits holds up no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

TICK_LIMIT_S = 45.0
"""Seconds that a tick may last: Dagster ends it after 60."""
WATCH_S = 4.5
"""Seconds for which a tick that finds nothing goes on looking."""

Found = TypeVar("Found")


def watch(look: Callable[[], Found], pause_s: float) -> Found:
    """Call ``look`` until its result is true or :data:`WATCH_S` seconds are over; return the last result."""
    end = time.monotonic() + WATCH_S
    while True:
        found = look()
        if found or time.monotonic() + pause_s > end:
            return found
        time.sleep(pause_s)
