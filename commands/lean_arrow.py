"""Arrow without pandas, for commands that are over in a second.

Arrow imports pandas, where it is installed, at the first list that it makes an array of, only to ask whether the list is
one of pandas' own. That is more than half of what a check of a small file costs. Code that hands Arrow something of pandas,
or asks it for a data frame, has imported pandas before or makes Arrow import it then.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class _NoPandas:
    @classmethod
    def find_spec(cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Refuse pandas; leave every other module to the finders that follow."""
        del path, target
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


def leave_pandas_out() -> None:
    """Let Arrow make its look for pandas now, in vain. Nothing happens where pandas is there already."""
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        import pyarrow as pa

        pa.array([None])
    finally:
        sys.meta_path.remove(_NoPandas)
