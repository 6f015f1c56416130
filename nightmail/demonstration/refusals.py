"""Where nothing may be made up: wherever somebody may have been written to, or somebody else's campaigns are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, text

from nightmail.access.demonstration import refuse_outside_sandbox
from nightmail.demonstration.queries import CAMPAIGNS_OF_OTHERS, REAL_ACCOUNT_EVER
from nightmail.errors import UsageError


def refuse_where_real(connection: Connection, own: Collection[str] = ()) -> None:
    """Raise :class:`UsageError` where campaigns may not be made up; ``own`` are the keys of those that the demo sent.

    ``demonstration_refused`` in a deployment that is not the sandbox's alone, or ever had an account of a real carrier;
    ``demonstration_not_empty`` in one that holds other campaigns than the demo's.
    """
    refuse_outside_sandbox(connection)
    if connection.scalar(text(REAL_ACCOUNT_EVER)):
        raise UsageError("demonstration_refused")
    others = int(connection.scalar(text(CAMPAIGNS_OF_OTHERS), {"own": list(own)}) or 0)
    if others:
        raise UsageError("demonstration_not_empty", campaigns=others)
