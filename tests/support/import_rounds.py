"""The background's work on imports, done at once: what a sensor does in a running deployment."""

from __future__ import annotations

from sqlalchemy import Engine

from nightmail.intake.import_work import carry_on, imports_to_carry_out
from nightmail.lake import Lake
from nightmail.settings import Settings


def carry_on_all(engine: Engine, settings: Settings) -> None:
    """Go on with every import that waits for the background, until none does."""
    for _ in range(10):
        with engine.connect() as connection:
            waiting = imports_to_carry_out(connection)
        if not waiting:
            return
        for number in waiting:
            carry_on(engine, Lake(settings.lake), number, configured=settings)
    raise AssertionError(f"the imports {waiting} do not come to an end")
