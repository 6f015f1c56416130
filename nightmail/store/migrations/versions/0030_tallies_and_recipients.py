"""Count each campaign's messages as they change, and find every message of a recipient

What a campaign's messages add up to is kept by triggers in the transaction of each change: :class:`CampaignTally`. A row of
``message_recipient`` is written once for each message. An index of the ledger itself got an entry for each of the three or
four changes that a message goes through, which cost half as much again as the changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_KEY = "campaign_id, channel, step, country, state, reason, delivery, currency"
_CURRENCY = "case when cost_charged is null then currency else cost_charged_currency end"
_KEY_OF_MESSAGE = _KEY.replace("currency", f"{_CURRENCY} as currency")
_PLACES = "1, 2, 3, 4, 5, 6, 7, 8"
_COST = "coalesce(cost_charged, cost)"
_SUMS = {
    "messages": "count(*)",
    "segments": "sum(segments)",
    "priced": f"count({_COST})",
    "cost": f"coalesce(sum({_COST}), 0)",
    "opened": "count(opened_at)",
    "clicked": "count(clicked_at)",
    "replied": "count(replied_at)",
    "call_seconds": "coalesce(sum(duration_s), 0)",
}
_NAMES = ", ".join(_SUMS)
_ADDED = ", ".join(f"{value} as {name}" for name, value in _SUMS.items())
_TAKEN = ", ".join(f"-{value} as {name}" for name, value in _SUMS.items())
_TOTALS = ", ".join(f"sum({name})" for name in _SUMS)
_NOT_NOTHING = " or ".join(f"sum({name}) <> 0" for name in _SUMS)


def _insert(selected: str) -> str:
    return f"insert into campaign_tally ({_KEY}, {_NAMES}) {selected}"


def _count(table: str, sums: str) -> str:
    return f"select {_KEY_OF_MESSAGE}, {sums} from {table} group by {_PLACES}"  # noqa: S608 - the parts are constants


def upgrade() -> None:
    _make_tables()
    for function in ("make_month(text,date,integer)", "analyze_month(text,date)", "retire_month(text,date,boolean)"):
        definition = op.get_bind().scalar(
            sa.text("select pg_get_functiondef(cast(:name as regprocedure))"), {"name": function}
        )
        op.execute(str(definition).replace("'attempt', 'receipt'", "'attempt', 'message_recipient', 'receipt'"))
    op.execute("""
        create function address_key(address_hash bytea) returns bigint immutable parallel safe language sql as
        $$ select ('x' || encode(substr(address_hash, 1, 8), 'hex'))::bit(64)::bigint $$
    """)
    op.execute("""
        create function contact_key(contact_id text) returns bigint immutable parallel safe language sql as
        $$ select ('x' || left(md5(contact_id), 16))::bit(64)::bigint $$
    """)
    _fill()
    op.create_index("ix_message_recipient_address_key", "message_recipient", ["address_key"])
    op.create_index("ix_message_recipient_contact_key", "message_recipient", ["contact_key"])
    op.drop_index("ix_message_address", "message")
    _make_triggers()


def _make_tables() -> None:
    texts = [sa.Column(name, sa.Text()) for name in ("country", "reason", "delivery", "currency")]
    op.create_table(
        "campaign_tally",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), primary_key=True),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *texts,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS if name != "cost"),
        sa.Column("cost", sa.Numeric(20, 6), nullable=False),
    )
    op.create_index("ix_campaign_tally_campaign_id", "campaign_tally", ["campaign_id"])
    op.create_table(
        "message_recipient",
        sa.Column("ledger_month", sa.Date(), nullable=False),
        sa.Column("message_key", sa.BigInteger(), nullable=False),
        sa.Column("address_key", sa.BigInteger(), nullable=False),
        sa.Column("contact_key", sa.BigInteger(), nullable=False),
        postgresql_partition_by="RANGE (ledger_month)",
    )


def _fill() -> None:
    months = op.get_bind().scalars(
        sa.text(
            "select right(inhrelid::regclass::text, 7) from pg_inherits where inhparent = 'message'::regclass order by 1"
        )
    )
    for month in list(months):
        first = f"{month[:4]}-{month[5:]}-01"
        op.execute(
            f"create table message_recipient_{month} partition of message_recipient "
            f"for values from ('{first}') to (('{first}'::date + interval '1 month')::date)"
        )
        op.execute(
            f"insert into message_recipient_{month} select ledger_month, message_key, address_key(address_hash), "  # noqa: S608
            f"contact_key(contact_id) from message_{month}"
        )
    op.execute(_insert(_count("message", _ADDED)))


def _make_triggers() -> None:
    # One that folds keeps others out without waiting: what it does not see yet is folded the next time.
    op.execute(f"""
        create function fold_campaign_tally(campaign integer) returns void language plpgsql as $$
        begin
            if pg_try_advisory_xact_lock(hashtext('nightmail.tally'), campaign) then
                with gone as (delete from campaign_tally where campaign_id = campaign returning *)
                {_insert(f"select {_KEY}, {_TOTALS} from gone group by {_PLACES} having {_NOT_NOTHING}")};
            end if;
        end $$
    """)
    op.execute(f"""
        create function count_messages_made() returns trigger language plpgsql as $$
        begin
            {_insert(_count("made", _ADDED))};
            insert into message_recipient (ledger_month, message_key, address_key, contact_key)
            select ledger_month, message_key, address_key(address_hash), contact_key(contact_id) from made;
            return null;
        end $$
    """)  # noqa: S608 - the parts are constants
    op.execute(f"""
        create function count_messages_changed() returns trigger language plpgsql as $$
        begin
            {
        _insert(
            f"select {_KEY}, {_TOTALS} from ({_count('after_it', _ADDED)} union all {_count('before_it', _TAKEN)}) as d "
            f"group by {_PLACES} having {_NOT_NOTHING}"
        )
    };
            if random() < 0.015625 then
                perform fold_campaign_tally(campaign_id) from (select distinct campaign_id from after_it) as changed;
            end if;
            return null;
        end $$
    """)
    op.execute(f"""
        create function count_messages_gone() returns trigger language plpgsql as $$
        begin
            {_insert(_count("gone", _TAKEN))};
            delete from message_recipient r using gone g
            where r.ledger_month = g.ledger_month and r.address_key = address_key(g.address_hash)
                and r.message_key = g.message_key;
            return null;
        end $$
    """)  # noqa: S608 - the parts are constants
    for name, event, tables in (
        ("made", "insert", "new table as made"),
        ("changed", "update", "old table as before_it new table as after_it"),
        ("gone", "delete", "old table as gone"),
    ):
        op.execute(
            f"create trigger message_{name}_counted after {event} on message referencing {tables} "
            f"for each statement execute function count_messages_{name}()"
        )
