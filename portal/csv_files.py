"""A CSV file that was written for one answer, sent piece by piece."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from starlette.responses import StreamingResponse

PIECE = 256 * 1024
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""What a program's answer with personal data says besides; pages have headers of their own."""


def csv_file_answer(written: Path, name: str, headers: Mapping[str, str]) -> StreamingResponse:
    """The answer with which a browser stores the file ``written`` as ``name``.csv, with ``headers`` besides its own.

    It is opened at once: its folder may go before the answer is sent, and the rows are gone then, however that ends.
    """
    file = written.open("rb")
    own = {
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Content-Length": str(os.fstat(file.fileno()).st_size),
    }
    return StreamingResponse(_pieces(file), media_type="text/csv; charset=utf-8", headers={**headers, **own})


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
