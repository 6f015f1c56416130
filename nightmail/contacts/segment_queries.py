"""The parts of statements that the conditions of a segment become. The contact is ``c``; what stands in braces is SQL, never input."""

from __future__ import annotations

HAS_TAG = "exists (select from contact_tag g where g.contact_id = c.id and g.tag = {tag})"

IN_GROUP = "exists (select from contact_group_member m where m.contact_id = c.id and m.group_id = {group})"

PREFERS = "exists (select from preference n where n.team_id = c.team_id and n.contact_id = c.contact_id and {chosen})"

CONSENTED = (
    "exists (select from consent k where k.team_id = c.team_id and k.contact_id = c.contact_id and {of} and {state})"
)

IN_FORCE = "k.withdrawn_at is null"

# Whether a message went to the contact: also one whose outcome is in doubt.
SENT = """exists (
    select from message_recipient r
    join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
    where r.contact_key = contact_key(c.contact_id) and m.contact_id = c.contact_id and {of})"""

OF_CATEGORY = (
    "m.campaign_id in (select s.id from campaign s join category y on y.id = s.category_id where y.name = {category})"
)

IS_THERE = "c.removed_at is null"
"""Whether a contact is one that is written to: not one that was removed."""
