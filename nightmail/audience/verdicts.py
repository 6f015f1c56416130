"""Verdicts: whether a contact can be sent to on a channel, as one number for each row of a block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.masks import Mask

Verdicts = npt.NDArray[np.uint8]
"""One verdict for each row: an index into :data:`REASONS`."""
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


def mark(verdicts: Verdicts, where: Mask, reason: str) -> None:
    """Give the reason to the rows that have none yet: the first that is found is the one that a row gets."""
    verdicts[where & (verdicts == GOOD)] = CODE[reason]


def by_value(column: pa.Array, question: Callable[[str | None], bool]) -> Mask:
    """The answer for every row, where the question is asked once for each distinct value, and once for null."""
    encoded = column.dictionary_encode()
    answers = np.array([*(question(value) for value in encoded.dictionary.to_pylist()), question(None)], dtype=bool)
    codes = pc.fill_null(encoded.indices, len(answers) - 1).to_numpy(zero_copy_only=False)
    found: Mask = answers[codes]
    return found
