"""What is deleted by age, and what stays."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Engine, text

from nightmail.retention.expired_data import delete_contents, detach_months, earliest_kept_month
from nightmail.store.partitions import PARTITIONED, ensure_partitions, month_of, partition_name
from tests.support.sending_rig import Organisation


def test_old_months_go_whole_and_open_ones_stay(database: Engine) -> None:
    """Months before the kept ones are detached; one with a message in doubt stays, with its receipts and its audit."""
    today = dt.datetime.now(dt.UTC).date()
    old, open_month = earliest_kept_month(12, today), earliest_kept_month(11, today)
    with database.begin() as connection:
        ensure_partitions(connection, old, months_ahead=1)
        connection.execute(
            text(
                "insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, due_at, "
                "contact_id, address_hash, segments) values (:m, 1, 1, 2, 'sms', 0, 'in_doubt', now(), 'c', 'h', 1)"
            ),
            {"m": open_month},
        )
    done = detach_months(database, keep_months=6, today=today)
    for table in PARTITIONED:
        assert partition_name(table, old) in done.detached and partition_name(table, open_month) in done.still_open
    with database.connect() as connection:
        assert connection.scalar(text("select to_regclass(:name)"), {"name": partition_name("message", old)}) is None
        assert connection.scalar(text("select count(*) from message")) == 1
    assert earliest_kept_month(6, dt.date(2026, 11, 23)) == dt.date(2026, 5, 1)


def test_contents_go_after_the_teams_days_and_the_ledger_stays(organisation: Organisation) -> None:
    """Addresses and texts of a campaign that ended long ago are deleted; another campaign's are not."""
    ended, running = organisation.campaign(3), organisation.campaign(2)
    organisation.drain()
    organisation.execute("update campaign set state_changed_at = now() - interval '91 days' where id = :c", c=ended.id)
    assert delete_contents(organisation.engine) == 3
    assert organisation.query("select count(*) from message_content")[0][0] == 2
    assert len(organisation.messages(ended)) == 3 and len(organisation.messages(running)) == 2
    assert month_of(dt.datetime(2026, 3, 31, 23, tzinfo=dt.UTC)) == dt.date(2026, 3, 1)
