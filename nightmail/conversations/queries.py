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
