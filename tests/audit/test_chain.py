"""The chain of seals: whatever a superuser does to sealed entries is found, and what happens by itself is not."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from nightmail.audit import acting_from, record_look, write_entry
from nightmail.audit.copies import append_sealed, record_head, recorded_head
from nightmail.audit.listing import EntryFilter, export_entries, list_entries
from nightmail.audit.sealing import Head, seal_entries
from nightmail.audit.verifying import Verdict, verify
from nightmail.retention.expired_data import detach_months, earliest_kept_month
from nightmail.store.backup import back_up
from nightmail.store.partitions import ensure_partitions, month_of, partition_name
from tests.support.database_roles import as_owner, restore

KEY = b"the deployment's secret key"
BATCHES, EACH = 3, 4
PARTITION = partition_name("audit", month_of(dt.datetime.now(dt.UTC)))


def _write(engine: Engine, subject: str) -> None:
    with engine.begin() as connection:
        write_entry(connection, actor="person:1", action="role.changed", subject=subject, detail={"amount": 1.10})


def _sealed(engine: Engine) -> Head:
    """Three batches of four entries; gives the chain's head."""
    for batch in range(BATCHES):
        for number in range(EACH):
            _write(engine, f"{batch}.{number}")
        done = seal_entries(engine, KEY)
        assert done is not None and done.entries == EACH and done.head is not None
    return done.head


def _codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def test_what_was_sealed_holds_and_what_was_not_is_stated(database: Engine) -> None:
    head = _sealed(database)
    _write(database, "later")
    verdict = verify(database, KEY, head)
    assert (verdict.findings, verdict.entries, verdict.seals, verdict.unsealed) == ([], BATCHES * EACH, BATCHES, 1)
    assert verdict.head == head and verdict.oldest_unsealed is not None
    again = seal_entries(database, KEY)
    assert again is not None and again.entries == 1
    nothing = seal_entries(database, KEY)
    assert nothing is not None and (nothing.entries, nothing.head) == (0, again.head)
    assert _codes(verify(database, b"another key")) == ["audit_seal_changed"] * (BATCHES + 1)


@pytest.mark.parametrize(
    ("statements", "codes"),
    [
        (["delete from audit where object = '1.2'"], {"audit_entries_missing"}),
        (["delete from audit where object like '1.%'"], {"audit_entries_missing"}),
        (["delete from audit where object = '0.0'"], {"audit_entries_missing"}),
        (["update audit set actor = 'person:2' where object = '1.2'"], {"audit_entries_changed"}),
        (["update audit set detail = '{\"amount\": 1.1}' where object = '1.2'"], set()),
        (["update audit set detail = '{\"amount\": 1.100}' where object = '1.2'"], {"audit_entries_changed"}),
        (["update audit set at = at + interval '1 microsecond' where object = '1.2'"], {"audit_entries_changed"}),
        (["update audit set origin = '10.0.0.1' where object = '2.3'"], {"audit_entries_changed"}),
        (["update audit set after = '{}' where object = '2.3'"], {"audit_entries_changed"}),
        # Two entries in each other's place.
        (
            [
                "update audit set id = -1 where object = '1.1'",
                "update audit set id = (select max(id) from audit where object = '1.2') + 1000 where object = '1.2'",
                "update audit set id = (select max(id) from audit) - 1000 where object = '1.1'",
                "update audit set id = (select max(id) from audit where object = '1.0') + 1 where object = '1.2'",
            ],
            {"audit_entries_changed"},
        ),
        # A forged entry, with the number of a transaction of then, of now, and of before.
        (
            [
                "insert into audit (month, actor, action, object, transaction, at) "
                "select month, 'person:1', 'role.changed', 'forged', transaction, at from audit where object = '1.2'"
            ],
            {"audit_entries_too_many"},
        ),
        (
            [
                "insert into audit (month, actor, action, object, epoch) "
                "select month, 'person:1', 'role.changed', 'forged', 0 from audit where object = '1.2'"
            ],
            {"audit_entry_added"},
        ),
        # One taken away, another put in its place.
        (["update audit set object = '1.9' where object = '1.2'"], {"audit_entries_changed"}),
        (["delete from audit_seal where number = 2"], {"audit_seals_missing", "audit_entry_added"}),
        (["update audit_seal set hash = sha256('x') where number = 2"], {"audit_seal_changed"}),
        (
            ["update audit_seal set digest = sha256('x') where number = 2"],
            {"audit_seal_changed", "audit_entries_changed"},
        ),
        (["update audit_seal set sealed_at = now() where number = 3"], {"audit_seal_changed"}),
        # The chain's end, with all that it sealed: the chain that is left holds.
        (
            ["delete from audit where object like '2.%'", "delete from audit_seal where number = 3"],
            {"audit_end_missing"},
        ),
        ([f"drop table {PARTITION}"], {"audit_entries_missing"}),
        (
            [
                f"drop table {PARTITION}",
                "insert into audit_month_gone (month, entries, last_seal, kept_aside) "
                "select month, sum(entries), max(number), false from audit_seal group by month",
            ],
            {"audit_month_missing"},
        ),
    ],
)
def test_whatever_is_done_to_sealed_entries_is_found(
    database: Engine, superuser: Engine, statements: list[str], codes: set[str]
) -> None:
    head = _sealed(database)
    with superuser.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    assert set(_codes(verify(database, KEY, head))) == codes


def test_an_entry_that_commits_late_is_no_finding_and_a_rolled_back_one_is_no_gap(database: Engine) -> None:
    """Its number is lower than those of entries that were committed before it, which wait for it."""
    late, lost = database.connect(), database.connect()
    for connection, subject in ((late, "late"), (lost, "lost")):
        write_entry(connection, actor="a", action="b.c", subject=subject)
    _write(database, "early")
    waiting = seal_entries(database, KEY)
    assert waiting is not None and waiting.entries == 0
    late.commit()
    lost.rollback()
    done = seal_entries(database, KEY)
    assert done is not None and done.entries == 2
    late.close()
    lost.close()
    verdict = verify(database, KEY)
    assert (verdict.findings, verdict.entries, verdict.unsealed) == ([], 2, 0)


def test_many_write_while_one_seals(database: Engine) -> None:
    """Who writes waits for no sealer, of several sealers one works, and every entry is in one batch."""
    writers = [threading.Thread(target=lambda n=n: [_write(database, f"{n}.{i}") for i in range(25)]) for n in range(4)]
    for writer in writers:
        writer.start()
    sealers = [threading.Thread(target=seal_entries, args=(database, KEY)) for _ in range(3)]
    for sealer in sealers:
        sealer.start()
    while any(writer.is_alive() for writer in writers):
        seal_entries(database, KEY)
    for thread in (*writers, *sealers):
        thread.join()
    seal_entries(database, KEY)
    verdict = verify(database, KEY)
    assert (verdict.findings, verdict.entries, verdict.unsealed) == ([], 100, 0)


def test_a_month_that_retention_took_stays_in_the_chain(database: Engine, superuser: Engine) -> None:
    """That it went is an entry; a month with an entry that is not sealed stays, and so does a young one."""
    today = dt.datetime.now(dt.UTC).date()
    old, younger = earliest_kept_month(12, today), earliest_kept_month(3, today)
    with superuser.begin() as connection:
        for month in (old, younger):
            ensure_partitions(connection, month, months_ahead=0)
            connection.execute(
                text(
                    "insert into audit (month, actor, action, object) select :month, 'a', 'b.c', n from generate_series(1, 5) n"
                ),
                {"month": month},
            )
    early = detach_months(database, keep_months=6, today=today)
    assert partition_name("audit", old) in early.still_open
    _sealed_after_old = seal_entries(database, KEY)
    assert _sealed_after_old is not None and _sealed_after_old.entries == 10
    done = detach_months(database, keep_months=6, today=today)
    assert partition_name("audit", old) in done.detached
    with pytest.raises(DBAPIError), database.begin() as connection:
        connection.execute(text("select retire_month('audit', :month, false)"), {"month": younger})
    seal_entries(database, KEY)
    verdict = verify(database, KEY)
    assert (verdict.findings, verdict.months_gone) == ([], [f"{old:%Y-%m}"])
    with database.connect() as connection:
        (entry,) = list_entries(connection, EntryFilter(action="audit.month_deleted"))
    assert (entry.subject, entry.detail["entries"]) == (f"{old:%Y-%m}", 5)


def test_a_restore_ends_a_chain_and_its_continuation_holds(database: Engine, tmp_path: Path) -> None:
    """What was sealed since the backup is lost, which the log says itself; a head kept outside shows no less."""
    _sealed(database)
    _write(database, "in the backup, not sealed")
    dump = tmp_path / "nightmail.dump"
    back_up(as_owner(database), dump)
    _write(database, "lost")
    lost = seal_entries(database, KEY)
    assert lost is not None and lost.head is not None
    restore(database, dump)
    assert _codes(verify(database, KEY, lost.head)) == []
    for number in range(3):
        _write(database, f"since {number}")
    again = seal_entries(database, KEY)
    assert again is not None and again.entries == 5
    verdict = verify(database, KEY, again.head)
    assert (verdict.findings, verdict.unsealed) == ([], 0)
    with database.connect() as connection:
        assert [row.actor for row in list_entries(connection, EntryFilter(action="database.restored"))] == ["restore"]


def test_a_collector_gets_each_sealed_entry_once_and_in_order(database: Engine, tmp_path: Path) -> None:
    import json

    file = tmp_path / "siem" / "audit.jsonl"
    head = _sealed(database)
    assert append_sealed(database, file) == BATCHES * (EACH + 1)
    assert append_sealed(database, file) == 0
    _write(database, "unsealed")
    assert append_sealed(database, file) == 0
    seal_entries(database, KEY)
    file.rename(tmp_path / "collected")
    assert append_sealed(database, file) == 2
    lines = [json.loads(line) for line in (tmp_path / "collected").read_text().splitlines()]
    assert [line["subject"] for line in lines if "subject" in line] == [f"{b}.{n}" for b in range(3) for n in range(4)]
    assert lines[-1] == {"seal": BATCHES, "entries": EACH, "hash": head.hash.hex()}
    assert json.loads(file.read_text().splitlines()[0])["subject"] == "unsealed"
    record_head(tmp_path, head)
    assert recorded_head(tmp_path) == head
    assert recorded_head(tmp_path / "nowhere") is None


def test_entries_are_found_by_who_what_where_and_when(database: Engine) -> None:
    with database.begin() as connection:
        for path in ("acme", "acme.billing", "other"):
            connection.execute(text("insert into team (path, name) values (:p, :p)"), {"p": path})
        with acting_from("192.0.2.7"):
            write_entry(connection, actor="person:1", action="role.given", subject="person:2", team_id=1)
            record_look(
                connection, actor="person:1", subject="campaign:c1", team_id=2, shown=("body", "address"), count=3
            )
            record_look(connection, actor="person:1", subject="campaign:c1", team_id=2, shown=())
        write_entry(
            connection, actor="key:4", action="feed.changed", subject="f", team_id=3, before={"a": 1}, after={"a": 2}
        )
        write_entry(connection, actor="retention", action="audit.month_deleted", subject="2020-01")

    def found(**wanted: object) -> list[str]:
        with database.connect() as connection:
            return [row.action for row in list_entries(connection, EntryFilter(**wanted))]  # type: ignore[arg-type]

    everything = ["audit.month_deleted", "feed.changed", "personal.seen", "role.given"]
    assert found() == found(teams=("",)) == everything
    assert found(teams=("acme",)) == found(team="acme") == found(origin="192.0.2.7") == ["personal.seen", "role.given"]
    assert found(teams=("acme.billing",)) == found(action="personal.") == ["personal.seen"]
    assert found(teams=()) == found(action="feed") == found(until=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)) == []
    assert found(actor="key:4") == found(subject="f") == found(action="feed.changed") == ["feed.changed"]
    assert found(since=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)) == everything
    with database.connect() as connection:
        pages, after = [], None
        while page := list_entries(connection, after=after, limit=3):
            pages.append([row.action for row in page])
            after = page[-1].position
        assert pages == [everything[:3], everything[3:]]
        exported = [row.as_dict() for row in export_entries(connection)]
    assert [row["action"] for row in exported] == everything[::-1]
    assert exported[1]["detail"] == {"shown": ["address", "body"], "people": 3}
    assert (exported[2]["before"], exported[2]["after"], exported[2]["origin"]) == ({"a": 1}, {"a": 2}, None)
