"""Suppressed addresses: of all that is recorded of an address on a channel, what weighs most, and which record says it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.verdicts import CODE, GOOD, Records, Verdicts, record_ids
from nightmail.lake.masks import Mask, truth
from nightmail.privacy.hash_groups import HashGroups
from nightmail.privacy.keyed_hashes import Hashes, from_hex


class SuppressionIndex:
    """The suppressions that hold for a category, found by the hash of an address."""

    def __init__(self, suppressions: pa.Table, channels: Sequence[str], category: str) -> None:
        self._groups = HashGroups(from_hex(suppressions["address_hash"]))
        ids = record_ids(suppressions)
        for_all, of_category = pc.is_null(suppressions["category"]), pc.equal(suppressions["category"], category)
        asked = pc.and_kleene(for_all, suppressions["opted_out"])
        undecided = pc.and_kleene(of_category, suppressions["undecided"])
        # What weighs most comes last, and overwrites.
        masks = {
            "category_opted_out": truth(of_category),
            "probable_opt_out": truth(undecided),
            "suppressed": truth(for_all),
            "opted_out": truth(asked),
        }
        self._by_channel = {name: self._on(name, suppressions["channel"], masks, ids) for name in channels}

    def _on(
        self, channel: str, stated: pa.ChunkedArray, masks: dict[str, Mask], ids: Records
    ) -> tuple[Verdicts, Records]:
        here = truth(pc.or_kleene(pc.is_null(stated), pc.equal(stated, channel)))
        verdicts = np.full(len(self._groups) + 1, GOOD, dtype=np.uint8)
        records = np.full(len(self._groups) + 1, -1, dtype=np.int64)
        for reason, mask in masks.items():
            # Of several the first: written in reverse, it stays.
            rows = np.flatnonzero(mask & here)[::-1]
            verdicts[self._groups.of_rows[rows]] = CODE[reason]
            records[self._groups.of_rows[rows]] = ids[rows]
        return verdicts, records

    def of(self, channel: str, addresses: Hashes) -> tuple[Verdicts, Records]:
        """What is recorded of each address on a channel: a verdict, and the record's id."""
        verdicts, records = self._by_channel[channel]
        found = self._groups.find(addresses)
        return verdicts[found], records[found]
