"""The statements of this room."""

from __future__ import annotations

# --- Calls ---

CAMPAIGN_OF_CALL = """
select c.id, c.ledger_month, v.content
from campaign c join template_version v on v.id = c.template_version_id
where c.token = :token
"""

CALL_OF_MESSAGE = """
select m.language, b.body
from message m left join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
where m.ledger_month = :month and m.message_key = :key
"""

# The campaign whose token a message's id begins with.
CAMPAIGN_OF_MESSAGE = """
    select c.id, c.ledger_month, t.name as team
    from campaign c join team t on t.id = c.team_id
    where c.token = :token
"""

# A message with its text, which retention deletes before the message.
MESSAGE = """
    select m.language, m.handed_off_at, b.address, b.subject, b.body
    from message m join message_content b on b.ledger_month = m.ledger_month and b.message_key = m.message_key
    where m.ledger_month = :month and m.message_key = :key
"""

# What was answered to a message, the oldest first; retention deletes texts.
REPLIES = """
    select received_at, text from reply
    where message_key = :key and text is not null
    order by id
    limit :limit
"""
