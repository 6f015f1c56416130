"""Boolean masks over rows: Arrow's turned into numpy's, which combine faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]


def truth(mask: pa.Array | pa.ChunkedArray) -> Mask:
    """``mask`` with null as false."""
    found: Mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return found


def present(column: pa.Array | pa.ChunkedArray) -> Mask:
    """A mask of the rows where ``column`` is not null."""
    return truth(pc.is_valid(column))
