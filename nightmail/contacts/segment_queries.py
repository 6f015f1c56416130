"""The parts of statements that the conditions of a segment become. The contact is ``c``; what stands in braces is SQL, never input."""

from __future__ import annotations

HAS_TAG = "exists (select from contact_tag g where g.contact_id = c.id and g.tag = {tag})"

IN_GROUP = "exists (select from contact_group_member m where m.contact_id = c.id and m.group_id = {group})"

PREFERS = "exists (select from preference n where n.team_id = c.team_id and n.contact_id = c.contact_id and {chosen})"

# A consent in force that nothing later took back or replaced by one that is over. Of one time what restricts holds.
GIVEN = """exists (
    select from consent k
    where k.team_id = c.team_id and k.contact_id = c.contact_id and {of} and k.withdrawn_at is null
        and (k.expires_at is null or k.expires_at > {now})
        and not exists (
            select from consent l
            where l.team_id = k.team_id and l.contact_id = k.contact_id and l.category = k.category and {scope}
                and (l.withdrawn_at is not null or l.expires_at <= {now})
                and coalesce(l.withdrawn_at, l.captured_at) >= k.captured_at))"""

# A withdrawal after which nothing was given.
WITHDRAWN = """exists (
    select from consent k
    where k.team_id = c.team_id and k.contact_id = c.contact_id and {of} and k.withdrawn_at is not null
        and not exists (
            select from consent l
            where l.team_id = k.team_id and l.contact_id = k.contact_id and l.category = k.category and {scope}
                and l.withdrawn_at is null and l.captured_at > k.withdrawn_at))"""

STATED = "exists (select from consent k where k.team_id = c.team_id and k.contact_id = c.contact_id and {of})"

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
