"""A database with a team whose contacts state things."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text


@pytest.fixture
def connection(database: Engine) -> Any:
    """A connection with the team acme.shop, all of whose work is undone."""
    with database.connect() as open_connection:
        open_connection.execute(text("insert into team (path, name) values ('acme', 'Acme'), ('acme.shop', 'Shop')"))
        open_connection.execute(
            text(
                "insert into category (name, kind, needs_consent) values ('offers', 'marketing', true), ('news', 'marketing', true)"
            )
        )
        yield open_connection
        open_connection.rollback()
