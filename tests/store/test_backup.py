"""A restored snapshot never sends again what it had sent since; a restore that fails leaves what was there."""

from __future__ import annotations

import random
import re
import stat
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from nightmail.campaigns.transitions import pause, resume
from nightmail.errors import ConfigurationError, UsageError
from nightmail.sending.doubt_decisions import Decision, decide_campaign
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.store.backup import back_up
from nightmail.store.backup_files import read_backup
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import LocalServer
from nightmail.store.restore import restore as restore_backup
from nightmail.store.upgrade import upgrade
from tests.support.database_roles import as_owner, restore
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sending_fixtures import organisation, sandbox, sandbox_process, webhooks  # noqa: F401
from tests.support.sending_rig import Organisation, in_minutes


def test_a_restored_snapshot_sends_nothing_twice(
    organisation: Organisation,  # noqa: F811
    sandbox: RunningCarriers,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Backed up before the send, restored after it: the carrier's records settle it, and a resumed campaign sends nothing."""
    campaign = organisation.campaign(20)
    unloaded = organisation.received()
    dump = tmp_path / "backups" / "nightmail.dump"
    assert back_up(as_owner(organisation.engine), dump) > 0
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 20}

    fenced = restore(organisation.engine, dump)
    assert fenced.epoch == 2 and fenced.paused == (campaign.key,) and fenced.stopped == (unloaded.key,)
    assert fenced.in_doubt == 20
    assert organisation.states(campaign) == {"in_doubt": 20}
    resume(organisation.engine, campaign.key, actor="test")
    organisation.drain()
    resolve_in_doubt(organisation.engine, organisation.carriers)
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 20
    assert organisation.states(campaign) == {"accepted": 20}


def test_after_a_restore_a_person_may_send_what_never_went(
    organisation: Organisation,  # noqa: F811
    sandbox: RunningCarriers,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Restored without anything sent since: in doubt until somebody decides, then sent once."""
    campaign = organisation.campaign(5)
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(organisation.engine), dump)
    restore(organisation.engine, dump)
    # Schedules' times before it ask before they send.
    assert organisation.query("select from deployment where restored_at > now() - interval '5 minutes'")
    resume(organisation.engine, campaign.key, actor="test")
    organisation.drain()
    assert organisation.states(campaign) == {"in_doubt": 5}
    assert decide_campaign(organisation.engine, campaign.key, Decision.RESEND, actor="test") == 5
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 5}
    assert len(sandbox.accepted_of(campaign.token)) == 5


def test_what_is_scheduled_for_later_is_not_in_doubt_though_it_was_paused(
    organisation: Organisation,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It cannot have been sent since the backup; what was to be sent meanwhile can."""
    scheduled, paused, missed = (organisation.campaign(2, scheduled_at=in_minutes(60)) for _ in range(3))
    for each in (paused, missed):
        pause(organisation.engine, each.key, actor="test")
    organisation.execute("update campaign set scheduled_at = now() + interval '0.5 s' where id = :c", c=missed.id)
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(organisation.engine), dump)
    eventually(lambda: organisation.query("select from campaign where scheduled_at <= now()"))
    fenced = restore(organisation.engine, dump)
    assert (fenced.paused, fenced.in_doubt) == ((scheduled.key,), 2)
    assert organisation.states(missed) == {"in_doubt": 2}
    for each in (scheduled, paused):
        assert resume(organisation.engine, each.key, actor="test").state == "scheduled"
    organisation.execute("update campaign set scheduled_at = now() where state = 'scheduled'")
    organisation.drain()
    assert organisation.states(scheduled) == organisation.states(paused) == {"accepted": 2}


def _unusable(database: Engine, file: Path) -> str:
    """What a restore of a file that is refused says; the database is as it was."""
    with pytest.raises(UsageError) as caught:
        restore(database, file)
    assert caught.value.reason == "backup_unusable"
    with database.connect() as connection:
        assert connection.scalar(text("select max(path) from team")) == "acme"
        assert connection.scalar(text("select epoch from deployment")) == 1
    return str(caught.value)


@pytest.fixture
def backup(database: Engine, tmp_path: Path) -> Path:
    """A backup of a database with a team, whose name cannot be packed."""
    with database.begin() as connection:
        connection.execute(
            text("insert into team (path, name) values ('acme', :name)"),
            {"name": random.Random(1).randbytes(50_000).hex()},
        )
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(database), dump)
    return dump


def _longest_packed_part(dump: bytes) -> tuple[int, int]:
    """Where the longest part of a dump that is packed (zlib, RFC 1950) begins and ends: the team's name.

    A changed letter of the table of contents before it, such as one of a sequence's name, would pass unnoticed.
    """
    begins = [found.start() for found in re.finditer(rb"\x78\x9c", dump)]
    return max(pairwise((*begins, len(dump))), key=lambda part: part[1] - part[0])


def test_a_damaged_backup_leaves_the_database_as_it_was(database: Engine, backup: Path) -> None:
    """What is no backup, what breaks off anywhere and what does not unpack is refused, and nothing was changed."""
    whole = backup.read_bytes()
    damaged = backup.with_name("damaged.dump")
    assert "there is no such file" in _unusable(database, damaged)
    assert "there is no such file" in _unusable(database, backup.parent)
    damaged.write_text("no backup")
    assert "is not a backup" in _unusable(database, damaged)
    for size in (6, 2_000, len(whole) // 3, len(whole) // 2, len(whole) - 200):
        damaged.write_bytes(whole[:size])
        assert "nothing was changed" in _unusable(database, damaged)
    begin, end = _longest_packed_part(whole)
    for place in (begin + (end - begin) // 3, begin + (end - begin) // 2):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "nothing was changed" in _unusable(database, damaged)


def test_a_backup_of_a_newer_version_is_refused_before_anything_is_touched(database: Engine, backup: Path) -> None:
    """Its schema is one that this version does not know."""
    with as_owner(database).begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    back_up(as_owner(database), backup, replace=True)
    said = _unusable(database, backup)
    assert "newer version" in said and "9999" in said


def test_a_backup_of_another_database_is_refused(postgres: LocalServer, database: Engine, backup: Path) -> None:
    """An empty one as well: a restore of it would leave nothing."""
    backup.unlink()
    subprocess.run(
        [LocalServer.binaries() / "pg_dump", "--format=custom", f"--file={backup}", postgres.superuser_url()],
        check=True,
    )
    assert "another database" in _unusable(database, backup)


def test_a_user_that_owns_its_database_and_nothing_else_backs_it_up_and_restores_it(
    postgres: LocalServer, backup: Path
) -> None:
    """As on a server of others: no superuser, no right to make databases."""
    administration = create_engine(normalised_url(postgres.superuser_url()), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text("create role plain_owner login"))
        connection.execute(text("create database of_plain_owner owner plain_owner"))
    owner = create_engine(make_url(normalised_url(postgres.url("of_plain_owner"))).set(username="plain_owner"))
    try:
        upgrade(owner)
        assert restore_backup(owner, read_backup(backup)).epoch == 2
        back_up(owner, backup, replace=True)
        assert restore_backup(owner, read_backup(backup)).epoch == 3
        with owner.connect() as connection:
            assert connection.scalar(text("select path from team")) == "acme"
    finally:
        owner.dispose()
        with administration.connect() as connection:
            connection.execute(text("drop database of_plain_owner with (force)"))
            connection.execute(text("drop role plain_owner"))
        administration.dispose()


def test_a_restore_waits_for_no_sender(database: Engine, database_url: str, tmp_path: Path) -> None:
    """A sender at work: the restore is refused."""
    import psycopg

    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(database), dump)
    with (
        psycopg.connect(database_url, application_name="nightmail sender"),
        pytest.raises(ConfigurationError, match="at work"),
    ):
        restore(database, dump)
