"""The judged rows of a file, put aside block by block until it is known which of them are the same contact."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.lake.schemas import REJECTS, WARNINGS
from nightmail.row_checks.aside import AsideTable
from nightmail.row_checks.judging import JudgedBlock


class JudgedRows:
    """Blocks of judged rows: :meth:`append` all of them, then read them back."""

    def __init__(self, contact_schema: pa.Schema) -> None:
        self.contacts = AsideTable(contact_schema)
        self.rejects = AsideTable(REJECTS)
        self.warnings = AsideTable(WARNINGS)
        self._keys: list[pa.Array] = []
        self._rejected: list[npt.NDArray[np.bool_]] = []
        self._preferences: list[npt.NDArray[np.float64]] = []
        self._lines: list[npt.NDArray[np.int64]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for table in (self.contacts, self.rejects, self.warnings):
            table.__exit__(kind, error, traceback)

    def append(self, judged: JudgedBlock, key: pa.ChunkedArray) -> None:
        """Put one block aside; ``key`` is that of each of its rows. Rejected rows have none: a bad row hides no good one."""
        self.contacts.append(judged.contacts)
        self.rejects.append(judged.rejects)
        self.warnings.append(judged.warnings)
        one = key.combine_chunks()
        if judged.rejected.any():
            one = pc.if_else(pa.array(judged.rejected), pa.scalar(None, one.type), one)
        self._keys.append(one)
        self._rejected.append(judged.rejected)
        self._lines.append(judged.contacts.column("line").to_numpy())
        if judged.preference is not None:
            self._preferences.append(judged.preference)

    def take_keys(self) -> pa.ChunkedArray:
        """The key of each row; they are kept here no longer."""
        keys = pa.chunked_array(self._keys, pa.large_string())
        self._keys.clear()
        return keys

    @property
    def lines(self) -> npt.NDArray[np.int64]:
        """The line of each row."""
        return np.concatenate(self._lines)

    @property
    def rejected(self) -> npt.NDArray[np.bool_]:
        """A mask of the rows that cannot be used."""
        return np.concatenate(self._rejected)

    @property
    def preference(self) -> npt.NDArray[np.float64] | None:
        """How much each row is preferred among its duplicates, where the feed's rule needs it."""
        return np.concatenate(self._preferences) if self._preferences else None
