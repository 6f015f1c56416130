"""The session: a run that is held by its lock, and a connection that comes back with what the sender knows."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Engine

from nightmail.errors import UnavailableError
from nightmail.sending.dead_senders import end_dead_senders
from nightmail.sending.sender.session import SenderSession
from nightmail.store.engine import libpq_url
from tests.support.sandbox_process import eventually
from tests.support.sender_by_hand import claim_by_hand
from tests.support.sending_rig import Organisation

LOST = psycopg.OperationalError("the connection is lost")


def lose(organisation: Organisation, session: SenderSession) -> None:
    """The server ends the session's connection, and with it the lock."""
    organisation.query("select pg_terminate_backend(:pid)", pid=session.database.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        session.database.execute("select 1")


def states(organisation: Organisation) -> list[str]:
    return [row.state for row in organisation.query("select state from message order by message_key")]


def test_a_session_that_comes_back_holds_its_run_again(organisation: Organisation, session: SenderSession) -> None:
    """Intents that the sender knows stay in hand; one whose claim was not answered is given back."""
    campaign = organisation.campaign(2)
    known, _ = claim_by_hand(organisation, session.database, session.run, campaign)
    run = session.run
    lose(organisation, session)
    assert session.recover(LOST, [known.key])
    assert session.run == run
    assert states(organisation) == ["handing_over", "queued"]


def test_a_session_that_was_declared_dead_begins_another_run(
    organisation: Organisation, session: SenderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its intents are in doubt, and no longer its own."""
    monkeypatch.setattr("nightmail.sending.dead_senders.RESTART_GRACE_S", 0)
    campaign = organisation.campaign(1)
    (intent,) = claim_by_hand(organisation, session.database, session.run, campaign)
    lose(organisation, session)
    eventually(lambda: end_dead_senders(organisation.engine) == 1)
    assert session.recover(LOST, [intent.key])
    assert session.run.id != intent.sender_run_id
    assert states(organisation) == ["in_doubt"]


def test_a_connection_that_works_is_kept(session: SenderSession) -> None:
    """A statement that failed for another reason, such as a full disk, costs no connection."""
    before = session.database
    assert not session.recover(LOST, [])
    assert session.database is before


def test_a_database_that_does_not_come_back_ends_the_sender(
    database: Engine, database_url: str, postgres: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightmail.sending.sender.session.PATIENCE_S", 0.5)
    made = SenderSession(libpq_url(database))
    made.database.close()
    monkeypatch.setattr(made, "_url", "postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(UnavailableError) as caught:
        made.recover(LOST, [])
    assert caught.value.reason == "database_unavailable"


def test_the_end_of_a_session_gives_back_unknown_intents(organisation: Organisation) -> None:
    campaign = organisation.campaign(1)
    made = SenderSession(libpq_url(organisation.engine))
    claim_by_hand(organisation, made.database, made.run, campaign)
    made.end(7)
    assert states(organisation) == ["queued"]
    assert organisation.query("select handed_off, finished_at is not null from sender_run") == [(7, True)]
