"""What contacts chose for themselves: the order of channels, categories, quiet hours, time zone, language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import Positions, by_value, codes_of
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, truth
from nightmail.lake.schemas import UTC_TIME
from nightmail.privacy.hash_groups import HashGroups, Places
from nightmail.privacy.keyed_hashes import Hashes, from_hex

_SEPARATOR = "\x1f"
_Value = TypeVar("_Value", bound=np.generic)


@dataclass
class Choices:
    """What the contacts of a block chose; the texts are null where a contact chose nothing."""

    order: Positions
    """A row for each contact: every channel of the policy, in the contact's order."""
    category_out: Mask
    """Contacts that do not want the campaign's category."""
    paused: Mask
    """Contacts that want nothing but what is urgent, at the time of the campaign."""
    quiet: npt.NDArray[np.int64]
    """The place of each contact's own quiet hours in ``hours``; -1: none."""
    hours: list[tuple[str, str]]
    time_zone: pa.Array
    language: pa.Array
    found: Places
    """For :meth:`ChoiceIndex.statements`."""


class ChoiceIndex:
    """Preferences, found by the contact's hash; made ready so that a block of contacts is only looked up."""

    def __init__(self, policy: AudiencePolicy, preferences: pa.Table) -> None:
        self._policy = policy
        self._groups = HashGroups(from_hex(preferences["contact_id"]))
        rows = self._groups.first_rows(np.arange(preferences.num_rows))
        self._table = preferences.combine_chunks()
        self._rows = rows
        chosen = pc.binary_join(column_of(self._table, "channels"), " ").dictionary_encode()
        orders = [self._order(names.split()) for names in chosen.dictionary.to_pylist()]
        self._orders = np.array([*orders, list(range(len(policy.channels)))], dtype=np.int64)
        self._order_codes = self._at(codes_of(chosen), -1)
        out = _where(column_of(self._table, "categories_out"), lambda names: policy.category in names)
        if policy.needs_consent:
            out |= _where(column_of(self._table, "categories_in"), lambda names: policy.category not in names)
        self._out = self._at(out, False)
        paused = np.zeros(self._table.num_rows, dtype=bool)
        if not policy.urgent:
            paused = truth(pc.greater(column_of(self._table, "paused_until"), pa.scalar(policy.moment, UTC_TIME)))
        self._paused = self._at(paused, False)
        both = pc.binary_join_element_wise(
            column_of(self._table, "quiet_from"), column_of(self._table, "quiet_until"), _SEPARATOR
        ).dictionary_encode()
        self._hours = [tuple(each.split(_SEPARATOR)) for each in both.dictionary.to_pylist()]
        self._quiet = self._at(codes_of(both), -1)

    def _at(self, values: npt.NDArray[_Value], otherwise: object) -> npt.NDArray[_Value]:
        """The values of rows by the contact's number, with what holds for whoever chose nothing at the end."""
        found: npt.NDArray[_Value] = np.append(values, np.array([otherwise], dtype=values.dtype))[self._rows]
        return found

    def of(self, contact_hashes: Hashes) -> Choices:
        """The choices of the contacts of a block."""
        found = self._groups.find(contact_hashes)
        return Choices(
            order=self._orders[self._order_codes[found]],
            category_out=self._out[found],
            paused=self._paused[found],
            quiet=self._quiet[found],
            hours=self._hours,
            time_zone=self._text("time_zone", found),
            language=self._text("language", found),
            found=found,
        )

    def statements(self, found: Places) -> pa.Array:
        """The ids of the statements that each contact's choices come to; null for whoever chose nothing."""
        return self._take("statements", found)

    def _text(self, name: str, found: Places) -> pa.Array:
        return self._take(name, found)

    def _take(self, name: str, found: Places) -> pa.Array:
        column = column_of(self._table, name)
        rows = self._rows[found]
        if column.null_count == len(column):
            return pa.nulls(len(found), column.type)
        return column.take(pa.array(rows, mask=rows < 0))

    def _order(self, chosen: list[str]) -> list[int]:
        """Positions of the policy's channels: those the contact named first, in its order, then the others."""
        channels = self._policy.channels
        named = [channels.index(name) for name in dict.fromkeys(chosen) if name in channels]
        return named + [position for position in range(len(channels)) if position not in named]


def _where(lists: pa.Array, question: Callable[[set[str]], bool]) -> Mask:
    """The answer for every list that is not null; false for null."""
    joined = pc.binary_join(lists, _SEPARATOR)
    return by_value(joined, lambda text: text is not None and question(set(text.split(_SEPARATOR))))
