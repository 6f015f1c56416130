"""The statements of this room."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW

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
ANSWERS = """
    select received_at, text from reply
    where message_key = :key and text is not null
    order by id
    limit :limit
"""

# --- Replies ---

# A page of the replies of a team and of those below it, newest first; without a team of all, and those of no team.
REPLIES = f"""
select r.id, r.received_at, t.path as team, r.channel, r.kind, r.address, r.sent_to, r.text, r.media, c.key as campaign,
    c.token, r.message_key, r.decision, r.decided_by, r.decided_at
from reply r left join team t on t.id = r.team_id left join campaign c on c.id = r.campaign_id
where (cast(:team as text) is null or {AT_OR_BELOW.format(lower="t.path", upper="cast(:team as text)")})
    and (not cast(:undecided as boolean) or r.kind = 'probable_stop' and r.decided_at is null)
    and (cast(:before as bigint) is null or r.id < :before)
order by r.id desc limit :limit
"""  # noqa: S608 - the part is a function of constants

# A reply, locked: of two decisions at once the later one finds it decided.
REPLY_TO_DECIDE = """
select r.id, t.path as team, r.channel, r.address_hash, r.sent_to, r.kind, r.decision, r.team_id, c.token, r.message_key
from reply r left join team t on t.id = r.team_id left join campaign c on c.id = r.campaign_id
where r.id = :id for update of r
"""
