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

    def reached(self, channel: str, contacts: Hashes, addresses: Hashes) -> npt.NDArray[np.bool_]:
        """Where the contact or the address has had what one of the caps allows on a channel."""
        full = np.zeros(len(contacts), dtype=bool)
        if self._recent is None:
            return full
        for stated in caps_on(self._stated, self._category, channel, urgent=self._urgent):
            for ask, hashes in ((self._recent.to_contacts, contacts), (self._recent.to_addresses, addresses)):
                rows = np.flatnonzero(~full)
                full[rows] |= ask(stated, hashes[rows]) >= stated.cap.messages
        return full
