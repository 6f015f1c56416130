"""What contacts consented to: of all that they stated on a channel or on all channels, the latest holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import Mask, truth
from nightmail.privacy.keyed_hashes import Hashes, HashIndex, from_hex

_NEVER = np.iinfo(np.int64).max


@dataclass
class ConsentStands:
    """How it stands with each contact of a block; nothing of all three: nothing was ever stated."""

    given: Mask
    expired: Mask
    withdrawn: Mask


class _Stated:
    """The latest statement of each contact on one channel, or on all."""

    def __init__(self, table: pa.Table) -> None:
        self._index = HashIndex(from_hex(table["contact_id"]))
        self._withdrawn = truth(pc.fill_null(table["withdrawn"], False))
        self._stated_at = _microseconds(table["stated_at"], 0)
        self._expires_at = _microseconds(table["expires_at"], _NEVER)

    def of(self, contacts: Hashes) -> tuple[Mask, npt.NDArray[np.int64], Mask, npt.NDArray[np.int64]]:
        """Whether each contact stated anything, when, whether it was a withdrawal, and when it ends."""
        rows = len(contacts)
        stated_at, expires_at = np.full(rows, -1, dtype=np.int64), np.full(rows, _NEVER, dtype=np.int64)
        withdrawn = np.zeros(rows, dtype=bool)
        found = self._index.find(contacts)
        hits = found >= 0
        if hits.any():
            places = found[hits]
            stated_at[hits], expires_at[hits] = self._stated_at[places], self._expires_at[places]
            withdrawn[hits] = self._withdrawn[places]
        return hits, stated_at, withdrawn, expires_at


class ConsentIndex:
    """The consents to a category on a channel, found by the contact's hash."""

    def __init__(self, consents: pa.Table, channel: str, category: str, moment: dt.datetime) -> None:
        of_category = consents.filter(pc.equal(consents["category"], category))
        self._on_all = _Stated(of_category.filter(pc.is_null(of_category["channel"])))
        self._on_channel = _Stated(of_category.filter(pc.equal(of_category["channel"], channel)))
        self._moment = int(moment.timestamp() * 1_000_000)

    def of(self, contacts: Hashes) -> ConsentStands:
        """How it stands with the contacts of a block."""
        stated, at, withdrawn, ends = self._on_all.of(contacts)
        own, own_at, own_withdrawn, own_ends = self._on_channel.of(contacts)
        both = own & stated & (own_at == at)
        later = own & (own_at > at)
        withdrawn = np.where(later, own_withdrawn, withdrawn | (both & own_withdrawn))
        ends = np.where(later, own_ends, np.where(both, np.minimum(ends, own_ends), ends))
        stated = stated | own
        expired = stated & ~withdrawn & (ends <= self._moment)
        return ConsentStands(stated & ~withdrawn & ~expired, expired, stated & withdrawn)


def _microseconds(column: pa.ChunkedArray, otherwise: int) -> npt.NDArray[np.int64]:
    plain = pc.fill_null(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), otherwise)
    found: npt.NDArray[np.int64] = plain.to_numpy()
    return found
