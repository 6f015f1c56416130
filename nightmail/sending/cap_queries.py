"""Frequency caps in the statement that commits intents: what keeps several campaigns within one cap.

Who takes messages under a cap first locks it (:data:`LOCK_CAPS`) until the intents are committed. So each sender sees
every intent of the others that counts: two campaigns in flight cannot both believe that they are the last that may go.
"""

from __future__ import annotations

from nightmail.message_ids import same_line

# In the order of the teams: two senders that wait for each other would be a deadlock.
LOCK_CAPS = """
select pg_advisory_xact_lock(hashtext('nightmail.cap'), team) from (
    select distinct unnest(%s::int[]) as team order by team) as teams
"""

_SENDS = f"""(
                select count(distinct (m.campaign_id, m.line)) from message_recipient r
                join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
                join campaign c on c.id = m.campaign_id
                join category g on g.id = c.category_id
                join team t on t.id = c.team_id
                where {{key}} and not ({same_line("m.message_key", "d.message_key")})
                  and (t.path = cap.team or starts_with(t.path, cap.team || '.')) and not g.urgent
                  and (cap.categories = '{{{{}}}}' or g.name = any(cap.categories))
                  and (cap.channels = '{{{{}}}}' or m.channel = any(cap.channels))
                  and (m.state = 'accepted' and m.handed_off_at > now() - make_interval(days => cap.days)
                    or m.state in ('handing_over', 'in_doubt')))"""  # noqa: S608 - the part is a function of constants

_TO_CONTACT = _SENDS.format(key="r.contact_key = contact_key(d.contact_id) and m.contact_id = d.contact_id")
_TO_ADDRESS = _SENDS.format(key="r.address_key = address_key(d.address_hash) and m.address_hash = d.address_hash")

# What other campaigns, and other contacts of this one, got or are about to get.
REACHED = f"""case when exists (
            select from jsonb_to_recordset(%(caps)s::jsonb)
                as cap(team text, messages int, days int, categories text[], channels text[])
            where cap.messages <= {_TO_CONTACT}
               or cap.messages <= {_TO_ADDRESS}) then 'frequency_cap' end"""

# Of one contact or address one message at a time: the next is taken when this one can be counted.
NOT_THE_FIRST = """row_number() over (partition by d.contact_id order by d.message_key) > 1
            or row_number() over (partition by d.address_hash order by d.message_key) > 1"""
