"""The queries of one campaign's messages, page by page: each reads about as many rows as it returns."""

from __future__ import annotations

# What a message cost as far as it is known: what the carrier charged, else what the price list says. Each has its
# currency, so that an amount is never named in the other's.
COST = "coalesce(m.cost_charged, m.cost)"
CURRENCY = "case when m.cost_charged is null then m.currency else m.cost_charged_currency end"

# A page of one campaign's messages, or of one row's, by the ledger's key.
_PAGE_OF_CAMPAIGN = f"""
    select message_key as position, line, channel, step, state, reason, country, language, segments,
        {COST} as cost, {CURRENCY} as currency, attempts, carrier_message_id,
        (select name from carrier_account a where a.id = m.carrier_account_id) as carrier_account,
        (select nullif(address, '') from sent_from x where x.id = m.sent_from_id) as sent_from,
        error_code, case when state = 'queued' then due_at end as due_at, handed_off_at,
        delivery, delivery_at, delivery_error, opened_at, clicked_at, replied_at, duration_s
    from {{rows}} m
    where message_key between :first and :last and message_key > :after
        and (cast(:state as text) is null or state = :state)
        and (cast(:delivery as text) is null or delivery = :delivery)
    order by message_key
    limit :limit
"""  # noqa: S608 - the parts are constants
MESSAGES_OF_CAMPAIGN = _PAGE_OF_CAMPAIGN.format(rows="(select * from message where ledger_month = :month)")

# The same in a state that few messages are in, as the index ``ix_message_not_accepted`` has it.
MESSAGES_NOT_ACCEPTED = _PAGE_OF_CAMPAIGN.format(
    rows="""(select * from message where ledger_month = :month and campaign_id = :campaign and state = :state
        and state not in ('handing_over', 'accepted') offset 0)"""
)

# The same of what receipts say of few messages, as the index ``ix_receipt_status`` has it: each message of which it was
# said is looked up, in their order and as many as the page takes, as another receipt may have said more since.
COMMONLY_SAID = ("queued", "sent", "ringing", "delivered", "answered")
MESSAGES_RARELY_SAID = _PAGE_OF_CAMPAIGN.format(
    rows="""(select s.* from (
            select r.message_key from receipt r
            where r.received_month >= :month and r.campaign_id = :campaign and r.status = :delivery
                and r.status not in ('queued', 'sent', 'ringing', 'delivered', 'answered') and r.message_key > :after
            group by r.message_key order by r.message_key offset 0
        ) said cross join lateral (
            select * from message where ledger_month = :month and message_key = said.message_key offset 0) s
        order by said.message_key)"""
)
