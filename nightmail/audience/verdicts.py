"""Verdicts: whether a contact can be sent to on a channel, and what decided it, as numbers for each row of a block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import Mask

Verdicts = npt.NDArray[np.uint8]
"""One verdict for each row: an index into :data:`REASONS`."""
Deciders = npt.NDArray[np.int16]
"""For each row what decided, as :class:`DeciderNames` numbers it."""
Records = npt.NDArray[np.int64]
"""For each row the id of the record that decided; -1 where none did."""
Positions = npt.NDArray[np.int64]
"""For each row, positions in the policy's channels."""

REASONS = (
    "",
    "no_usable_channel",
    "phone_not_mobile",
    "phone_premium",
    "language_not_available",
    "country_not_served",
    "country_unsettled",
    "opted_out",
    "suppressed",
    "category_opted_out",
    "consent_missing",
    "quiet_hours_past_cut_off",
    "address_already_used",
    "minor",
    "birth_date_unread",
    "probable_opt_out",
    "country_denied",
    "outside_region",
    "holiday",
    "blackout_day",
    "frequency_cap",
    "consent_withdrawn",
    "consent_expired",
    "paused_by_contact",
)
"""What a verdict says; the first says that nothing stands in the way."""

CODE = {reason: code for code, reason in enumerate(REASONS)}
GOOD, NO_ADDRESS = CODE[""], CODE["no_usable_channel"]

ROW, TEMPLATE, SERVED, CHANNEL, FEED = "row", "template", "served_countries", "channel", "feed"
SUPPRESSION, CONSENT, CATEGORY, QUIET_HOURS = "suppression", "consent", "category", "quiet_hours"
PREFERENCE, LINE = "preference", "line"


class DeciderNames:
    """What can decide, numbered as it turns up: the words above, and the places of teams' rules. Zero is nothing."""

    def __init__(self) -> None:
        self.names = [""]
        self._codes = {"": 0}

    def code(self, name: str) -> int:
        """The number of a name."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]


@dataclass
class Whole:
    """What forbids contacts altogether, whatever the channel."""

    verdicts: Verdicts
    deciders: Deciders

    def mark(self, where: Mask, reason: str, by: int) -> None:
        """Give the reason to the rows that have none yet: the first that is found stays."""
        rows = np.flatnonzero(where & (self.verdicts == GOOD))
        self.verdicts[rows] = CODE[reason]
        self.deciders[rows] = by


def by_value(column: pa.Array, question: Callable[[str | None], bool]) -> Mask:
    """The answer for every row, where the question is asked once for each distinct value, and once for null."""
    encoded = column.dictionary_encode()
    answers = np.array([*(question(value) for value in encoded.dictionary.to_pylist()), question(None)], dtype=bool)
    found: Mask = answers[codes_of(encoded)]
    return found


def codes_of(encoded: pa.DictionaryArray) -> Positions:
    """The place of each row's value in its dictionary; -1 for null."""
    indices = encoded.indices
    if indices.null_count:
        indices = pc.fill_null(indices, -1)
    found: Positions = indices.to_numpy(zero_copy_only=False)
    return found


def record_ids(table: pa.Table) -> Records:
    """The column ``id`` of a table; -1 where a row has none."""
    found: Records = pc.fill_null(table["id"], -1).to_numpy()
    return found
