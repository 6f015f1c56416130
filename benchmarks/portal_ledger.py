"""An organisation with a large ledger, made by a few statements: for ``benchmarks.portal``.

Triggers are off while rows come in, which only a server of the benchmark's own allows; what they keep is made at the end by
the same sums over the whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.queries import COUNT_AGAIN
from nightmail.privacy import address_hash
from nightmail.store.partitions import ensure_partitions, month_of

TEAMS = 6
MONTHS = 4
KNOWN = 50
"""People whose addresses are looked up; everybody gets about twenty messages."""
MESSAGES_EACH = 20
A_CAMPAIGN = 20_000
"""Messages of a campaign; one in eight is ten times as large."""

_ORGANISATION = (
    "insert into team (path, name) values ('acme', 'Acme')",
    "insert into team (path, name, parent_id) select 'acme.team' || n, 'Team ' || n, 1 from generate_series(1, :teams) n",
    "insert into category (name, kind) values ('billing', 'service'), ('offers', 'marketing')",
    "insert into template (team_id, name, category_id) select id, 'due', 1 from team",
    "insert into template_version (template_id, version, content) select id, 1, "
    '\'{"default_language": "en", "languages": {"en": {"sms": {"body": "Due"}}}}\' from template',
    "insert into feed (team_id, name, template_id, settings) select t.team_id, 'invoices', t.id, '{}' from template t",
    "insert into carrier_account (name, carrier, channel) values ('twilio', 'twilio', 'sms'), "
    "('sendgrid', 'sendgrid', 'email')",
)
_CAMPAIGNS = """
insert into campaign (key, token, team_id, feed_id, template_version_id, category_id, source, state, ledger_month, created_at,
    loaded_at, state_changed_at, first_hand_off_at, finished_at, counts)
select to_char(at, 'YYYY-MM-DD') || '.acme.team' || (n % :teams + 1) || '.invoices.' || lpad(to_hex(n), 6, '0'),
    'c' || lpad(to_hex(n), 10, '0'), n % :teams + 2, f.id, v.id, 1, 'api',
    case when n > :campaigns - 8 then 'sending' else 'finished' end, date_trunc('month', at)::date, at, at, at, at,
    case when n <= :campaigns - 8 then at + interval '1 hour' end,
    jsonb_build_object('rows', :size, 'contacts', :size, 'planned', :size, 'messages', :size)
from generate_series(1, :campaigns) n
    cross join lateral (select now() - interval '6 hours' - (:campaigns - n) * (interval '100 days' / :campaigns) as at) t
    join feed f on f.team_id = n % :teams + 2 join template p on p.team_id = n % :teams + 2
    join template_version v on v.template_id = p.id
"""
_PEOPLE = """
create table benchmark_person as
select n, decode(md5('address' || n), 'hex') as hash, md5('contact' || n) as contact from generate_series(0, :people) n
"""
# The first one of eight is the large one. A person comes to a message by chance, the same one in each run.
_MESSAGES = """
insert into message (ledger_month, message_key, campaign_id, line, channel, step, state, reason, due_at, contact_id,
    address_hash, country, language, segments, cost, currency, attempts, carrier_account_id, carrier_message_id, planned_at,
    handed_off_at, changed_at, delivery, delivery_at)
select c.ledger_month, (c.id::bigint << 38) | (line << 7), c.id, line, 'sms', 0, s.state,
    case s.state when 'held' then 'opted_out' when 'failed' then 'number_unknown' end, c.loaded_at, p.contact, p.hash,
    (array['GB', 'DE', 'FR', 'ES'])[1 + line % 4], 'en', 1, 0.04, 'EUR', 1, 1,
    case when s.state = 'accepted' then 'SM' || md5(c.id || '-' || line) end, c.loaded_at,
    case when s.state = 'accepted' then c.loaded_at + line * interval '50 ms' end,
    c.loaded_at + line * interval '50 ms',
    case when s.state = 'accepted' and line % 20 < 18 then 'delivered' when s.state = 'accepted' and line % 20 = 18
        then 'undelivered' end,
    case when s.state = 'accepted' and line % 20 < 19 then c.loaded_at + line * interval '50 ms' + interval '4 s' end
from campaign c
    cross join lateral generate_series(2, 1 + case when c.id % 8 = 0 then :size * 10 else :size end) line
    cross join lateral (select case when c.state = 'sending' and line % 3 = 0 then 'queued' when line % 50 = 0 then 'held'
        when line % 50 = 1 then 'failed' when line % 5000 = 2 then 'in_doubt' else 'accepted' end as state) s
    join benchmark_person p on p.n = abs(hashint8((c.id::bigint << 38) | line)::bigint) % (:people + 1)
where c.ledger_month = :month
"""
_RECIPIENTS = """
insert into message_recipient
select ledger_month, message_key, address_key(address_hash), contact_key(contact_id) from message where ledger_month = :month
"""
_AROUND = (
    "insert into receipt (received_month, event_key, received_at, occurred_at, carrier, channel, ledger_month, message_key, "
    "campaign_id, status) select ledger_month, convert_to('r' || message_key, 'UTF8'), delivery_at, delivery_at, 'twilio', 'sms', ledger_month, "
    "message_key, campaign_id, delivery from message where delivery is not null and line % 5 = 0 "
    "and date_trunc('month', delivery_at)::date = ledger_month",
    "insert into reply (event_key, received_at, team_id, channel, kind, address, address_hash, text, ledger_month, "
    "message_key, campaign_id) select 'y' || m.message_key, m.handed_off_at, c.team_id, 'sms', 'text', '+440000', "
    "m.address_hash, 'Thanks', m.ledger_month, m.message_key, m.campaign_id from message m join campaign c on "
    "c.id = m.campaign_id where m.line % 500 = 7 and m.state = 'accepted'",
    "insert into suppression (team_id, channel, address_hash, reason, source) select 2 + n % :teams, 'sms', hash, 'opted_out', "
    "'reply' from benchmark_person where n % 7 = 0 on conflict do nothing",
    "insert into alert (reason, subject, message, team_id) select 'in_doubt', 'campaign:' || n, 'Messages are in doubt.', "
    "2 + n % :teams from generate_series(1, 200) n",
    "insert into report_day (day, written_at, rows) select distinct (handed_off_at at time zone 'UTC')::date, now(), 0 "
    "from campaign c join message m on m.campaign_id = c.id and m.ledger_month = c.ledger_month and m.line = 4 "
    "where m.handed_off_at is not null",
    "insert into report_by_campaign (day, team_id, feed_id, campaign_id, channel, country, outcome, currency, rows, messages, "
    "segments, cost, opened, clicked, answered, timed, within_10s, within_1min, within_10min, within_1h) "
    "select (c.loaded_at at time zone 'UTC')::date, c.team_id, c.feed_id, c.id, n.channel, n.country, "
    "case when n.state = 'accepted' then coalesce(n.delivery, 'under_way') else n.state end, n.currency, sum(n.messages), sum(n.messages), sum(n.segments), sum(n.cost), 0, 0, 0, "
    "0, 0, 0, 0, 0 from campaign_tally n join campaign c on c.id = n.campaign_id "
    "where n.state <> 'queued' and exists (select from report_day d where d.day = (c.loaded_at at time zone 'UTC')::date) group by 1, 2, 3, 4, 5, 6, 7, 8",
    "insert into report_by_feed (day, team_id, feed_id, channel, country, outcome, currency, rows, messages, segments, cost, "
    "opened, clicked, answered, timed, within_10s, within_1min, within_10min, within_1h) select day, team_id, feed_id, channel, "
    "country, outcome, currency, sum(rows), sum(messages), sum(segments), sum(cost), 0, 0, 0, 0, 0, 0, 0, 0 "
    "from report_by_campaign group by 1, 2, 3, 4, 5, 6, 7",
)


def address_of(person: int) -> str:
    """The number of one of the people whose addresses are known."""
    return f"+4474001{person:05d}"


def make_ledger(engine: Engine, messages: int, hash_key: bytes) -> None:
    """Fill an empty database with about so many messages, and what goes with them."""
    # Seven campaigns of a size and one ten times as large: seventeen for eight.
    size = max(40, min(A_CAMPAIGN, messages // 100))
    values = {
        "teams": TEAMS,
        "size": size,
        "campaigns": max(16, messages * 8 // (17 * size)),
        "people": max(KNOWN, messages // MESSAGES_EACH),
    }
    months = [month_of(dt.datetime.now(dt.UTC))]
    while len(months) <= MONTHS:
        months.append(month_of(months[-1] - dt.timedelta(days=1)))
    with engine.begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        for month in months:
            ensure_partitions(connection, month)
        for statement in (*_ORGANISATION, _CAMPAIGNS, _PEOPLE):
            _do(connection, statement, values)
        for person in range(KNOWN):
            connection.execute(
                text("update benchmark_person set hash = :hash where n = :n"),
                {"hash": address_hash(address_of(person), hash_key), "n": person},
            )
        for month in months:
            for statement in (_MESSAGES, _RECIPIENTS):
                _do(connection, statement, {**values, "month": month})
        for campaign in connection.scalars(text("select id from campaign order by id")).all():
            connection.execute(text(COUNT_AGAIN), {"id": campaign})
        for statement in _AROUND:
            _do(connection, statement, values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _do(connection: Connection, statement: str, values: Mapping[str, object]) -> None:
    prepared = text(statement)
    connection.execute(prepared, {name: values[name] for name in prepared.compile().params})
