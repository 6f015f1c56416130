"""The other roles of a test's database: who owns its tables, and who may do everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine

from nightmail.store import restore as restoring
from nightmail.store.backup_files import read_backup
from nightmail.store.local_server import OWNER_ROLE, SUPERUSER, WORKING_ROLE


def as_owner(engine: Engine) -> Engine:
    """An engine on the same database for the owner of its tables."""
    return create_engine(engine.url.set(username=OWNER_ROLE), poolclass=NullPool)


def as_superuser(engine: Engine) -> Engine:
    """An engine on the same database for who may do everything."""
    return create_engine(engine.url.set(username=SUPERUSER), poolclass=NullPool)


def restore(engine: Engine, file: Path, **options: Any) -> restoring.Fenced:
    """Restore a backup as the owner does, for the role that the product works as."""
    return restoring.restore(as_owner(engine), read_backup(file), working_role=WORKING_ROLE, **options)
