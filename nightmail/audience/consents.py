"""What contacts consented to: of all that they stated on a channel or on all channels, the latest holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.verdicts import Records, record_ids
from nightmail.lake.masks import truth
from nightmail.privacy.hash_groups import HashGroups, Places
from nightmail.privacy.keyed_hashes import Hashes, from_hex

_NEVER = np.iinfo(np.int64).max
NOTHING, GIVEN, EXPIRED, WITHDRAWN = 0, 1, 2, 3
"""How it stands with a consent; nothing: nothing was ever stated."""
Stands = npt.NDArray[np.uint8]


class ConsentIndex:
    """The consents to a category, found by the contact's hash."""

    def __init__(self, consents: pa.Table, channels: Sequence[str], category: str, moment: dt.datetime) -> None:
        table = consents.filter(pc.equal(consents["category"], category))
        self._groups = HashGroups(from_hex(table["contact_id"]))
        # A row at the end, for what was not stated.
        self._ids = np.append(record_ids(table), -1)
        self._withdrawn = np.append(truth(table["withdrawn"]), False)
        self._stated_at = np.append(_microseconds(table["stated_at"], 0), -1)
        self._ends = np.append(_microseconds(table["expires_at"], _NEVER), _NEVER)
        self._moment = int(moment.timestamp() * 1_000_000)
        stated_on = table["channel"]
        on_all = self._groups.first_rows(np.flatnonzero(truth(pc.is_null(stated_on))))
        self._by_channel = {}
        for name in channels:
            own = self._groups.first_rows(np.flatnonzero(truth(pc.equal(stated_on, name))))
            self._by_channel[name] = self._stands(on_all, own)

    def _stands(self, on_all: Places, own: Places) -> tuple[Stands, Records]:
        """How it stands with each contact, by the row that holds of those on all channels and on one."""
        earlier = self._stated_at[own] < self._stated_at[on_all]
        later = self._stated_at[own] > self._stated_at[on_all]
        # Of two of the same time, that which restricts: a withdrawal, or the earlier end.
        restricts = ~self._withdrawn[on_all] & (self._withdrawn[own] | (self._ends[own] < self._ends[on_all]))
        rows = np.where(later | (~earlier & restricts), own, on_all)
        stands = np.full(len(rows), GIVEN, dtype=np.uint8)
        stands[self._ends[rows] <= self._moment] = EXPIRED
        stands[self._withdrawn[rows]] = WITHDRAWN
        stands[rows < 0] = NOTHING
        return stands, self._ids[rows]

    def find(self, contacts: Hashes) -> Places:
        """Where each contact is found; for :meth:`on`."""
        return self._groups.find(contacts)

    def on(self, channel: str, found: Places) -> tuple[Stands, Records]:
        """How it stands with contacts on a channel, and the id of the statement that holds."""
        stands, records = self._by_channel[channel]
        return stands[found], records[found]


def _microseconds(column: pa.ChunkedArray, otherwise: int) -> npt.NDArray[np.int64]:
    plain = pc.fill_null(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()), otherwise)
    found: npt.NDArray[np.int64] = plain.to_numpy()
    return found
