"""Frequency caps: how many campaigns may write to one contact and to one address within a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nightmail.organisation.audience_rules import StatedCap, StatedRules, caps_on
from nightmail.privacy.keyed_hashes import Hashes

Counts = npt.NDArray[np.int64]


class RecentSends(Protocol):
    """What contacts and addresses got lately, and what other campaigns are about to send them."""

    def to_contacts(self, stated: StatedCap, contacts: Hashes) -> Counts:
        """How many campaigns that the cap counts wrote to each contact within its window."""
        ...

    def to_addresses(self, stated: StatedCap, addresses: Hashes) -> Counts:
        """The same for each address."""
        ...


class Caps:
    """The caps of a campaign, and what its contacts got lately."""

    def __init__(
        self, stated: Sequence[StatedRules], category: str, *, urgent: bool, recent: RecentSends | None
    ) -> None:
        self._stated, self._category, self._urgent, self._recent = stated, category, urgent, recent

    def on(self, channel: str) -> tuple[StatedCap, ...]:
        """The caps that bind on a channel."""
        return caps_on(self._stated, self._category, channel, urgent=self._urgent)

    def reached(self, channel: str, contacts: Hashes, addresses: Hashes) -> npt.NDArray[np.int64]:
        """Of each row the place among the channel's caps of the first that the contact or the address has had its fill of; -1: none."""
        full = np.full(len(contacts), -1, dtype=np.int64)
        if self._recent is None:
            return full
        for at, stated in enumerate(self.on(channel)):
            for ask, hashes in ((self._recent.to_contacts, contacts), (self._recent.to_addresses, addresses)):
                rows = np.flatnonzero(full < 0)
                some = hashes if len(rows) == len(hashes) else hashes[rows]
                full[rows[ask(stated, some) >= stated.cap.messages]] = at
        return full
