"""The ledger of a restored database: what the lost one may have sent meanwhile is in doubt, not sent again."""

from __future__ import annotations

from sqlalchemy import Engine, text

from nightmail.sending.queries import FENCE_EARLIER_EPOCHS

CHUNK = 10_000
"""Messages fenced in one transaction."""


def fence_earlier_epochs(engine: Engine) -> int:
    """Put messages that came to be due in an earlier epoch in doubt; returns how many.

    A restore begins an epoch. The database that was lost may have sent what was due in the one before.
    """
    with engine.connect() as connection:
        if not connection.scalar(text("select epoch > 1 from deployment")):
            return 0
    total = 0
    count = CHUNK
    while count == CHUNK:
        with engine.begin() as connection:
            count = connection.execute(text(FENCE_EARLIER_EPOCHS), {"chunk": CHUNK}).rowcount
        total += count
    return total
