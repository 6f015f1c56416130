"""An engine that leads to another database from one test to the next, while what was made with it goes on."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Engine


class SwitchedEngine:
    """Passes all that is asked of it on to the engine that it was last switched :meth:`to`."""

    def __init__(self) -> None:
        self._current: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The same for who wants an engine."""
        return cast(Engine, self)

    def to(self, engine: Engine) -> None:
        """Lead to ``engine`` from now on."""
        self._current = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current, name)
