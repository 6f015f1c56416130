"""What is made of carriers' answers, whatever the carrier: their words without addresses, and their clock beside ours."""

from __future__ import annotations

import re
from datetime import timedelta

from nightmail.carriers.protocol import Check
from nightmail.privacy import mask
from resources.carriers.keep_alive import KeepAlive

CLOCK_TOLERANCE = timedelta(seconds=60)
_LOOKS_PERSONAL = re.compile(r"[^\s@]+@[^\s@]+|\+?\d[\d ().-]{5,}\d")


def scrubbed(text: str, address: str) -> str:
    """A carrier's words without anything that looks like an address; 300 characters at most."""
    return _LOOKS_PERSONAL.sub("•••", text.replace(address, mask(address)))[:300]


def clock_check(keep_alive: KeepAlive) -> Check | None:
    """A complaint when this machine's clock and the carrier's are over a minute apart; ``None`` otherwise."""
    offset = keep_alive.clock_offset
    if abs(offset) <= CLOCK_TOLERANCE:
        return None
    way = "behind" if offset > CLOCK_TOLERANCE else "ahead of"
    return Check(
        False,
        f"This machine's clock is {abs(offset).total_seconds():.0f} s {way} the carrier's.",
        "Set the clock, and keep it right with NTP: quiet hours, schedules and doubts are decided by it.",
    )
