"""The SQL of lists of messages.

Each looks at a window: the next rows of an index, in the list's order, at most ``:window`` of them. What fits is taken from these alone.
``looked`` says how many there were, and ``edge_*`` which was the last, with every row and where none fits.
"""

from __future__ import annotations

from nightmail.organisation.queries import TEAMS_AT_OR_BELOW
from nightmail.recipients.queries import IS_RECIPIENT, MESSAGE_FACTS, MESSAGES_OF, NAMES

_FITS = f"""
    c.team_id in ({TEAMS_AT_OR_BELOW})
        and (cast(:channel as text) is null or m.channel = :channel)
        and (cast(:state as text) is null or m.state = :state)
        and (cast(:deliveries as text[]) is null or m.delivery = any(:deliveries))
        and (not cast(:no_delivery as boolean) or m.state = 'accepted' and m.delivery is null)
        and (cast(:reason as text) is null or :reason in (m.reason, m.error_code, m.delivery_error))
        and (cast(:country as text) is null or m.country = :country)
        and (cast(:feed as text) is null or f.name = :feed)
"""

_PAGE = f"""
    , edge as (select count(*) as looked from looked)
    , last as (select at as edge_at, message_key as edge_key from looked order by {{backwards}} limit 1)
    select e.looked, l.edge_at, l.edge_key, found.*
    from edge e left join last l on true left join (
        select {MESSAGE_FACTS}, b.address, w.at
        from looked w
        join message m on m.ledger_month = w.ledger_month and m.message_key = w.message_key
        {NAMES}
        left join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
        where {_FITS} {{more}}
        order by {{order}}
        limit :limit
    ) found on true
    order by {{outer}}
"""  # noqa: S608 - the parts are constants

_AT = "coalesce({m}.handed_off_at, case when {m}.state in ('queued', 'standby') then {m}.planned_at else {m}.changed_at end)"
_WITHIN = "and (cast(:since as timestamptz) is null or w.at >= :since) and (cast(:until as timestamptz) is null or w.at < :until)"

# A campaign's messages in the order of its file, by the primary key.
OF_CAMPAIGN = f"""
    with looked as (
        select s.ledger_month, s.message_key, {_AT.format(m="s")} as at
        from message s
        where s.ledger_month = :month and s.message_key > :after and s.message_key <= :last
        order by s.message_key
        limit :window
    )
    {_PAGE.format(backwards="message_key desc", more=_WITHIN, order="w.message_key", outer="found.message_key")}
"""  # noqa: S608

# A recipient's messages, the newest first.
OF_RECIPIENT = f"""
    with looked as (
        select s.ledger_month, s.message_key, {_AT.format(m="s")} as at
        from {MESSAGES_OF.format("s")}
        where {IS_RECIPIENT.format("s")} and s.message_key < :before
        order by s.message_key desc
        limit :window
    )
    {_PAGE.format(backwards="message_key", more=_WITHIN, order="w.message_key desc", outer="found.message_key desc")}
"""  # noqa: S608

# As the index ``ix_message_decided`` has it.
_DECIDED = "s.handed_off_at is null and s.state in ('failed', 'held', 'cancelled', 'expired', 'not_needed')"
_BEFORE = "{at} >= :since and {at} <= :before_at and ({at}, s.message_key) < (:before_at, cast(:before_key as bigint))"

# What was handed off or decided on some days, the newest first, by the index of each time.
OF_DAYS = f"""
    with looked as (
        select * from (
            (select s.ledger_month, s.message_key, s.handed_off_at as at
            from message s
            where s.handed_off_at is not null and {_BEFORE.format(at="s.handed_off_at")}
            order by s.handed_off_at desc, s.message_key desc
            limit :window)
            union all
            (select s.ledger_month, s.message_key, s.changed_at
            from message s
            where {_DECIDED} and {_BEFORE.format(at="s.changed_at")}
            order by s.changed_at desc, s.message_key desc
            limit :window)
        ) both_times
        order by at desc, message_key desc
        limit :window
    )
    {_PAGE.format(backwards="at, message_key", more="", order="w.at desc, w.message_key desc", outer="found.at desc, found.message_key desc")}
"""  # noqa: S608
