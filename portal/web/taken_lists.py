"""Lists that are taken out as files: recorded first, then written while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from fastapi import Request, Response
from sqlalchemy import Connection, Engine

from nightmail.access.permissions import Permission
from nightmail.audit.exports import record_export
from nightmail.organisation.teams import team_id_of
from portal.state import Portal
from portal.web.csv_answers import Cell, csv_answer
from portal.web.signed_in import SignedIn

Rows = Iterator[Sequence[Cell]]


def taken_list(
    request: Request,
    portal: Portal,
    me: SignedIn,
    permission: Permission,
    what: str,
    header: Sequence[str],
    rows: Callable[[Connection], Rows],
    chosen: Mapping[str, str],
) -> Response:
    """The list ``what`` as CSV. Who sees the audit log of the topmost team at which ``permission`` is held sees that it was taken."""
    (upper, *_) = me.teams(permission)
    with portal.engine.begin() as connection:
        record_export(
            connection,
            actor=me.principal.actor,
            what=what,
            team_id=team_id_of(connection, upper) if upper else None,
            filters=(name for name, value in chosen.items() if value),
        )
    return csv_answer(request, what, header, _read(portal.engine, rows))


def _read(engine: Engine, rows: Callable[[Connection], Rows]) -> Rows:
    with engine.connect() as connection:
        yield from rows(connection)
