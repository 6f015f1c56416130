"""How a column of phone numbers is written, found out from its numbers that can be read in one way only.

Digits without a plus sign can be a national number or one with its country's code (:mod:`nightmail.row_checks.phone_readings`). The column
decides only where it is clear: numbers with one reading vote, and none may contradict. Else such a number is rejected as ambiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.contact_files.failures import file_decision
from nightmail.contact_files.summary import FileDecision
from nightmail.row_checks.phone_readings import NumberForm, writes_zero
from nightmail.row_checks.recurring import recurring

Counts = dict[str, npt.NDArray[np.int64]]
"""Numbers by country, each with one count for each :class:`NumberForm`."""


def count_forms(forms: npt.NDArray[np.int8], countries: pa.Array, into: Counts) -> None:
    """Add the forms of a block's numbers to the counts of their countries."""
    encoded = recurring(countries)
    names = encoded.dictionary.to_pylist()
    if not names:
        return
    index = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    table = np.bincount(index * len(NumberForm) + forms, minlength=(len(names) + 1) * len(NumberForm))
    for at, name in enumerate(names):
        row = table[at * len(NumberForm) : (at + 1) * len(NumberForm)]
        into[name] = into.get(name, np.zeros(len(NumberForm), np.int64)) + row


@dataclass
class PhoneConvention:
    """Decides for one column, country by country. The column is looked at when a number with two readings is first met."""

    column: str
    header: str
    """The column's name in the file."""
    count: Callable[[], Counts]
    """Counts the forms of the whole column."""
    _counts: Counts | None = None
    _decided: dict[str, bool] = field(default_factory=dict)

    def with_code(self, country: str) -> bool | None:
        """Whether numbers of ``country`` without a plus sign are read with its code; None where the column does not tell."""
        if self._counts is None:
            self._counts = self.count()
        if country not in self._decided:
            votes = self._votes(country)
            if votes is None:
                return None
            self._decided[country] = votes
        return self._decided[country]

    def _votes(self, country: str) -> bool | None:
        assert self._counts is not None
        own = self._counts.get(country, np.zeros(len(NumberForm), np.int64))
        if own[NumberForm.WITH_CODE] and not own[NumberForm.NATIONAL]:
            return True
        if own[NumberForm.NATIONAL] and not own[NumberForm.WITH_CODE]:
            # A country with a zero in front writes its national numbers with it: one that lacks it may have lost a plus as well.
            return None if writes_zero(country) else False
        if own[NumberForm.NATIONAL]:
            return None
        together = sum(self._counts.values(), np.zeros(len(NumberForm), np.int64))
        return True if together[NumberForm.WITH_CODE] and not together[NumberForm.NATIONAL] else None

    def decisions(self) -> Iterable[FileDecision]:
        """What was decided for the column, and by what."""
        if self._counts is None:
            return
        for country, with_code in sorted(self._decided.items()):
            own = self._counts[country]
            form = NumberForm.WITH_CODE if with_code else NumberForm.NATIONAL
            votes = int(own[form]) or int(sum(counts[form] for counts in self._counts.values()))
            yield file_decision(
                "decided_phone_with_code" if with_code else "decided_phone_national",
                column=self.column,
                count=int(own[form] + own[NumberForm.EITHER]),
                header=self.header,
                country=country_name(country),
                votes=f"{votes:,}",
                numbers=f"{int(own[form] + own[NumberForm.EITHER]):,}",
            )


def country_name(code: str) -> str:
    """The English name of a country, for sentences."""
    from babel import Locale

    return str(Locale("en").territories.get(code, code))
