"""What the process that reads a typed file is asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class ReadingOrder:
    """What to read and how far: the parts of ``ReadOptions`` that matter to a typed file."""

    path: str
    kind: str
    sheet: str | None
    first_rows: int
    """How many rows of a workbook may have the header among them."""
    memory_limit: int
    expanded_limit: int
    expansion_limit: int
    row_limit: int
    field_limit: int

    def as_json(self) -> bytes:
        """The order as it is sent."""
        return json.dumps(asdict(self)).encode()
