"""The statements about the messages behind a number of a campaign's flow."""

from __future__ import annotations

_COST = "coalesce(m.cost_charged, m.cost)"
_CURRENCY = "case when m.cost_charged is null then m.currency else m.cost_charged_currency end"

_SHOWN_OF_MESSAGE = f"""
    m.message_key as position, m.line, m.channel, m.step, m.state, m.reason, m.country, m.language, m.segments,
    {_COST} as cost, {_CURRENCY} as currency, m.attempts, m.carrier_message_id,
    (select name from carrier_account a where a.id = m.carrier_account_id) as carrier_account,
    (select nullif(address, '') from sent_from x where x.id = m.sent_from_id) as sent_from,
    m.error_code, case when m.state = 'queued' then m.due_at end as due_at, m.handed_off_at,
    m.delivery, m.delivery_at, m.delivery_error, m.opened_at, m.clicked_at, m.replied_at, m.duration_s
"""  # noqa: S608 - the parts are constants
_OF_OUTCOME = """
    (cast(:channel as text) is null or m.channel = :channel)
    and (cast(:states as text[]) is null or m.state = any(:states))
    and (cast(:reason as text) is null or m.reason = :reason)
    and (cast(:delivery as text) is null or case when m.delivery = any(:reached) then 'delivered'
        when m.delivery = any(:not_reached) then 'undelivered' else 'no_receipt' end = :delivery)
"""

# A page of one campaign's messages that fit, among the next ones of its ledger.
MESSAGES_OF_OUTCOME = f"""
    select {_SHOWN_OF_MESSAGE}
    from (
        select * from message
        where ledger_month = :month and message_key between :first and :last and message_key > :after
        order by message_key limit :most
    ) m
    where {_OF_OUTCOME}
    order by m.message_key limit :limit
"""  # noqa: S608 - the parts are constants

# The same where few are in the states: by the index of those that are not accepted.
MESSAGES_OF_STATE = f"""
    select {_SHOWN_OF_MESSAGE}
    from message m
    where m.ledger_month = :month and m.campaign_id = :id and m.state not in ('handing_over', 'accepted')
        and m.message_key between :first and :last and m.message_key > :after and {_OF_OUTCOME}
    order by m.message_key limit :limit
"""  # noqa: S608 - the parts are constants

# The last message that was looked at, where there are further ones.
END_OF_SEARCH = """
    select message_key from message
    where ledger_month = :month and message_key between :first and :last and message_key > :after
    order by message_key offset :most - 1 limit 1
"""

# The hand-offs of the last seconds, by campaign.
PACE_NOW = """
    select campaign_id, count(*) as messages from (
        select campaign_id from message
        where handed_off_at > now() - make_interval(secs => :seconds) and campaign_id = any(:ids) limit :most
    ) recent
    group by campaign_id
"""

# A page of the hand-offs of a campaign that were not plainly accepted.
ATTEMPTS_OF_CAMPAIGN = """
    select t.message_key as position, t.number, t.outcome, t.error_code, t.error_class, a.name as carrier_account,
        nullif(x.address, '') as sent_from, t.started_at, t.finished_at
    from attempt t left join carrier_account a on a.id = t.carrier_account_id left join sent_from x on x.id = t.sent_from_id
    where t.ledger_month = :month and t.message_key between :first and :last
        and (t.message_key, t.number) > (:after, :after_number)
    order by t.message_key, t.number
    limit :limit
"""
