"""A database with an organisation and campaigns, without stand-ins of carriers and without a sender's process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.sending.sender.session import SenderSession
from nightmail.store.engine import libpq_url
from tests.support.sending_rig import Organisation


@pytest.fixture
def organisation(database: Engine, tmp_path: Path) -> Organisation:
    """See :class:`Organisation`; its carriers are nowhere."""
    return Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})


@pytest.fixture
def session(organisation: Organisation) -> Iterator[SenderSession]:
    """A sender's session on the organisation's database."""
    made = SenderSession(libpq_url(organisation.engine))
    yield made
    made.end(0)
