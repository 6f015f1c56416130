"""The statements that count parts: each gives ``kind``, ``parts`` and ``to_look_at``, of at most ``:most`` rows."""

from __future__ import annotations

from nightmail.inventory.price_queries import PRICE_IS_SEEN, PRICES_NEEDED, TEAMS_SEEN
from nightmail.inventory.queries import ACCOUNTS_SEEN, SENDERS_SEEN, SERVERS_SEEN
from nightmail.organisation.queries import TEAMS_AT_OR_BELOW

_WEBHOOK_TEAMS = TEAMS_AT_OR_BELOW.replace(":teams", ":seen")

COUNTS: dict[str, str] = {
    "accounts": f"""
        select 'accounts' as kind, count(*) as parts,
            count(*) filter (where counts and (suspensions > 0 or moved_percent > 0 or alerts > 0)) as to_look_at
        from ({ACCOUNTS_SEEN} and a.active limit :most) part
    """,  # noqa: S608
    "senders": f"""
        select 'senders', count(*), count(*) filter (where suspended)
        from ({SENDERS_SEEN} and n.retired_at is null limit :most) part
    """,  # noqa: S608
    "mailboxes": f"""
        select 'mailboxes', count(*), count(*) filter (where mailbox_alerts > 0)
        from ({ACCOUNTS_SEEN} and a.active and a.settings ? 'mailbox' limit :most) part
    """,  # noqa: S608
    "servers": f"""
        select 'servers', count(*), count(*) filter (where server_alerts + file_alerts > 0)
        from ({SERVERS_SEEN} and s.active limit :most) part
    """,  # noqa: S608
    "prices": f"""
        select 'prices', count(*), (
                select count(*) from ({PRICES_NEEDED}) needed where not exists (
                    select from price p where p.carrier || '_' || p.channel
                        in (needed.carrier, needed.carrier || '_' || needed.channel) and p.channel = needed.channel))
        from (select from price p where {PRICE_IS_SEEN} limit :most) part
    """,  # noqa: S608
    "categories": f"""
        select 'categories', count(*), 0::bigint
        from (select from category g where g.team_id is null or g.team_id in ({TEAMS_SEEN}) limit :most) part
    """,  # noqa: S608
    "webhooks": f"""
        select 'webhooks', count(*), count(*) filter (where failing)
        from (select exists (
                select from (select * from webhook_call where webhook_id = w.id order by id desc limit 1) c
                where c.attempts > 0 and c.delivered_at is null) as failing
            from webhook w where w.active and w.team_id in ({_WEBHOOK_TEAMS}) limit :most) part
    """,  # noqa: S608
    "teams": f"""
        select 'teams', count(*), 0::bigint from (select from team t where t.id in ({TEAMS_SEEN}) limit :most) part
    """,  # noqa: S608
}
"""By kind."""
