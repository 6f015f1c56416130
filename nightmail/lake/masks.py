"""Which rows something holds for: Arrow's masks as numpy's, which are quicker to combine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]


def truth(mask: pa.Array | pa.ChunkedArray) -> Mask:
    """Where ``mask`` is true: null is false."""
    found: Mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return found


def present(column: pa.Array | pa.ChunkedArray) -> Mask:
    """Where ``column`` is not null."""
    return truth(pc.is_valid(column))
