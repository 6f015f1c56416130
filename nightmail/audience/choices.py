"""What contacts chose for themselves: the order of channels, categories, quiet hours, time zone, language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.known import KnownPreferences
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import Positions, by_value
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, truth
from nightmail.lake.schemas import UTC_TIME
from nightmail.privacy.keyed_hashes import Hashes, HashIndex, from_hex


@dataclass
class Choices:
    """What the contacts of a block chose; the texts are null where a contact chose nothing."""

    order: Positions
    """A row for each contact: every channel of the policy, in the contact's order."""
    category_out: Mask
    """Contacts that do not want the campaign's category."""
    paused: Mask
    """Contacts that want nothing but what is urgent, at the time of the campaign."""
    quiet_from: pa.Array
    quiet_until: pa.Array
    time_zone: pa.Array
    language: pa.Array


class ChoiceIndex:
    """Preferences, found by the contact's hash."""

    def __init__(self, policy: AudiencePolicy, known: KnownPreferences) -> None:
        self._policy = policy
        self._preferences = known.preferences.combine_chunks()
        self._index = HashIndex(from_hex(known.preferences["contact_id"]))

    def of(self, contact_hashes: Hashes) -> Choices:
        """The choices of the contacts of a block."""
        policy = self._policy
        rows, count = len(contact_hashes), len(policy.channels)
        order = np.tile(np.arange(count, dtype=np.int64), (rows, 1))
        found = self._index.find(contact_hashes)
        hits = np.flatnonzero(found >= 0)
        nothing = pa.nulls(rows, pa.string())
        if not len(hits):
            return Choices(
                order, np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool), nothing, nothing, nothing, nothing
            )
        matched = self._preferences.take(pa.array(found[hits])).combine_chunks()

        def spread(values: pa.Array) -> pa.Array:
            indices = np.full(rows, -1, dtype=np.int64)
            indices[hits] = np.arange(len(hits))
            return values.take(pa.array(indices, mask=indices < 0))

        chosen = pc.binary_join(column_of(matched, "channels"), " ").dictionary_encode()
        orders = np.array(
            [*(self._order(names.split()) for names in chosen.dictionary.to_pylist()), list(range(count))],
            dtype=np.int64,
        )
        codes = pc.fill_null(chosen.indices, len(orders) - 1).to_numpy(zero_copy_only=False)
        order[hits] = orders[codes]
        out = np.zeros(rows, dtype=bool)
        out[hits] = _where(column_of(matched, "categories_out"), lambda names: policy.category in names)
        if policy.needs_consent:
            out[hits] |= _where(column_of(matched, "categories_in"), lambda names: policy.category not in names)
        paused = np.zeros(rows, dtype=bool)
        if not policy.urgent:
            paused[hits] = truth(pc.greater(column_of(matched, "paused_until"), pa.scalar(policy.moment, UTC_TIME)))
        texts = (spread(column_of(matched, name)) for name in ("quiet_from", "quiet_until", "time_zone", "language"))
        return Choices(order, out, paused, *texts)

    def _order(self, chosen: list[str]) -> list[int]:
        """Positions of the policy's channels: those the contact named first, in its order, then the others."""
        channels = self._policy.channels
        named = [channels.index(name) for name in dict.fromkeys(chosen) if name in channels]
        return named + [position for position in range(len(channels)) if position not in named]


def _where(lists: pa.Array, question: Callable[[set[str]], bool]) -> Mask:
    """The answer for every list that is not null; false for null."""
    joined = pc.binary_join(lists, "\x1f")
    return by_value(joined, lambda text: text is not None and question(set(text.split("\x1f"))))
