"""A restore beside people and senders at work: they see the database as it was, or the fenced one, and nothing goes twice."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, text

from nightmail.campaigns.transitions import resume
from nightmail.errors import UnavailableError
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.store.backup import back_up
from nightmail.store.engine import libpq_url
from tests.support.database_roles import as_owner, as_superuser, restore
from tests.support.sandbox_process import ROOT, RunningCarriers, eventually
from tests.support.sending_fixtures import organisation, sandbox, sandbox_process, webhooks  # noqa: F401
from tests.support.sending_rig import Organisation

RESTORE = """
import sys
from pathlib import Path
from sqlalchemy import create_engine
from nightmail.store.backup_files import read_backup
from nightmail.store.restore import restore
engine = create_engine(sys.argv[1], connect_args={"application_name": "the restore"})
print("read", read_backup(Path(sys.argv[2])).revision, flush=True)
restore(engine, read_backup(Path(sys.argv[2])), working_role="nightmail")
"""


def _schemas(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.scalars(
                text("select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'")
            )
        )


def _waits_for_the_replaced(engine: Engine) -> bool:
    with as_superuser(engine).connect() as connection:
        return bool(
            connection.scalar(
                text(
                    "select exists (select from pg_stat_activity where datname = current_database() "
                    "and query like 'drop schema%' and wait_event_type = 'Lock')"
                )
            )
        )


def test_what_a_sender_hands_over_while_a_restore_waits_for_a_reader_goes_once(
    organisation: Organisation,  # noqa: F811
    sandbox: RunningCarriers,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The sender begins in the middle of the restore: it sends from what was there, and stops when that is gone."""
    campaign = organisation.campaign(300)
    organisation.change_account("sms", rate_per_s=25)
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(organisation.engine), dump)
    with ThreadPoolExecutor(2) as pool, psycopg.connect(libpq_url(organisation.engine)) as reader:
        reader.execute("select from message limit 1")
        restoring = pool.submit(restore, organisation.engine, dump)
        eventually(lambda: restoring.done() or _waits_for_the_replaced(organisation.engine))
        sending = pool.submit(organisation.drain)
        eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 20)
        assert not restoring.done()
        reader.rollback()
        fenced = restoring.result(timeout=60)
        assert sending.result(timeout=60).handed_off < 300
    assert (fenced.epoch, fenced.paused, fenced.in_doubt) == (2, (campaign.key,), 300)
    assert set(organisation.states(campaign)) <= {"in_doubt", "accepted"}
    resume(organisation.engine, campaign.key, actor="test")
    organisation.drain()
    resolve_in_doubt(organisation.engine, organisation.carriers)
    gone = sandbox.accepted_of(campaign.token)
    assert len(gone) == len(set(gone)) < 300
    assert organisation.states(campaign)["accepted"] == len(gone)


def test_a_restore_that_is_killed_leaves_what_was_there_or_the_fenced_database(
    organisation: Organisation,  # noqa: F811
    sandbox: RunningCarriers,  # noqa: F811
    tmp_path: Path,
) -> None:
    """SIGKILL at any moment, with a sender that begins after the restore did: no half of it is seen, nothing goes twice."""
    campaign = organisation.campaign(400)
    organisation.change_account("sms", rate_per_s=40)
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(organisation.engine), dump)
    dice = random.Random(1)

    def at_work(*, past_the_look_for_senders: bool = False) -> bool:
        held = "and exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')"
        return bool(
            organisation.query(
                "select from pg_stat_activity a where application_name = 'the restore' "
                f"{held if past_the_look_for_senders else ''}"
            )
        )

    for killed in (True, True, True, False):
        url = as_owner(organisation.engine).url.render_as_string(hide_password=False)
        process = subprocess.Popen(
            [sys.executable, "-c", RESTORE, url, str(dump)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline().startswith("read")
        eventually(lambda running=process: running.poll() is not None or at_work(past_the_look_for_senders=True), 60)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(organisation.drain, maximum_s=1.0)
            if killed:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=dice.uniform(0.0, 0.4))
                process.send_signal(signal.SIGKILL)
            sending.result(timeout=60)
        process.wait(timeout=60)
        process.stdout.close()
        eventually(lambda: not at_work(), 60)
        assert _schemas(organisation.engine) == ["public"]
        ((epoch, state),) = organisation.query("select (select epoch from deployment), state from campaign")
        assert (epoch, state) in ((1, "sending"), (2, "paused"))
        if epoch == 2:
            break
    assert epoch == 2
    assert set(organisation.states(campaign)) <= {"in_doubt", "accepted"}
    resume(organisation.engine, campaign.key, actor="test")
    organisation.drain()
    gone = sandbox.accepted_of(campaign.token)
    assert len(gone) == len(set(gone))


def test_a_reader_that_does_not_end_ends_the_restore_and_nothing_was_changed(database: Engine, tmp_path: Path) -> None:
    """Not the readers: whoever came meanwhile finds what was there."""
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(database), dump)
    with database.begin() as connection:
        connection.execute(text("update team set name = 'Acme since'"))
    with psycopg.connect(libpq_url(database)) as reader:
        reader.execute("select from audit limit 1")
        with pytest.raises(UnavailableError, match="nothing was changed") as caught:
            restore(database, dump, patience_s=0)
        assert caught.value.reason == "database_in_use"
        assert reader.execute("select name from team").fetchone() == ("Acme since",)
    assert _schemas(database) == ["public"]
    with database.connect() as connection:
        assert connection.scalar(text("select epoch from deployment")) == 1


def test_neither_an_epoch_nor_a_senders_number_is_given_out_again(
    organisation: Organisation,  # noqa: F811
    tmp_path: Path,
) -> None:
    """A sender that lives on from before must not meet another one under its own number."""
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(organisation.engine), dump)
    organisation.campaign(1)
    before = organisation.drain().sender_run_id
    epochs = [restore(organisation.engine, dump).epoch for _ in range(2)]
    assert epochs == [2, 3]
    assert organisation.drain().sender_run_id > before


def test_a_restored_database_is_used_backed_up_and_restored_again(database: Engine, tmp_path: Path) -> None:
    """Its schema is a new one of the same name, for sessions too whose statements are planned for the old one."""
    teams = "select * from team order by id"
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
    with psycopg.connect(libpq_url(database), autocommit=True, prepare_threshold=0) as session:
        known = session.execute(teams).fetchall()
        for number in range(2):
            dump = tmp_path / f"{number}.dump"
            back_up(as_owner(database), dump)
            session.execute("update team set name = 'lost'")
            restore(database, dump)
            assert session.execute(teams).fetchall() == known
            session.execute("insert into team (path, name) values (%s, 'More')", [f"acme.more_{number}"])
            known = session.execute(teams).fetchall()
    assert len(known) == 3
