"""Which team a command is about, where only one can be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightmail.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nightmail.organisation.teams import TeamRow

TEAM_HELP = "The team, such as acme.billing; not needed if there is one."


def one_team(connection: Connection, wanted: str | None, what: str) -> TeamRow:
    """The team at the path ``wanted``, by default the only one there is; ``what`` says what it does.

    Raises :class:`UsageError` (``team_unknown``, ``team_needed``).
    """
    from nightmail.organisation.teams import get_team, list_team_paths

    if wanted is None:
        known = list_team_paths(connection)
        if len(known) != 1:
            listed = ", ".join(known) or "(none: provision an organisation first)"
            raise UsageError("team_needed", what=what, known=listed)
        wanted = known[0]
    return get_team(connection, wanted)
