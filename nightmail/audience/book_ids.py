"""The ids that contacts have in the address book, by the line of the file that was written from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from nightmail.contacts.list_files import ID_COLUMN
from nightmail.lake import TableFile
from nightmail.privacy.keyed_hashes import Hashes, from_hex


@dataclass(frozen=True)
class BookIds:
    """Ids by line. The lines are sorted."""

    lines: npt.NDArray[np.int64]
    ids: Hashes

    @classmethod
    def of(cls, contact_file: TableFile) -> BookIds:
        """The ids that a file from the address book says."""
        table = contact_file.read(["line", ID_COLUMN])
        return cls(table["line"].to_numpy(), from_hex(table[ID_COLUMN]))

    def at(self, lines: pa.Array | pa.ChunkedArray) -> Hashes:
        """The ids of some lines.

        Raises ``ValueError`` for a line without one: under an id that is made up, nobody's opt-out would be found.
        """
        wanted = lines.to_numpy(zero_copy_only=False) if isinstance(lines, pa.Array) else lines.to_numpy()
        places = np.searchsorted(self.lines, wanted)
        known = places < len(self.lines)
        if not known.all() or not (self.lines[places] == wanted).all():
            raise ValueError("a contact of a list stands on a line that its file does not have")
        found: Hashes = self.ids[places]
        if not found.any(axis=1).all():
            raise ValueError("a contact of a list has no id")
        return found
