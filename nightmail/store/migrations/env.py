"""How Alembic runs our migrations: on the connection that :mod:`nightmail.store.upgrade` hands over."""

from __future__ import annotations

import re

from alembic import context
from sqlalchemy import Connection

from nightmail.store.tables import Base

_PARTITION = re.compile(r".*_\d{4}_\d{2}$")


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    return not (kind == "table" and name is not None and _PARTITION.match(name))


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=_ours,
        compare_type=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
