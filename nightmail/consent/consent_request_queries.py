"""SQL of consents that contacts were asked for."""

from __future__ import annotations

from nightmail.channels import ADDRESS_FIELDS
from nightmail.organisation.queries import AT_OR_BELOW

LOCK_ADDRESS = "select pg_advisory_xact_lock(hashtext('nightmail.consent_request'), hashtext(:hash))"
LOCK_CONTACT = "select pg_advisory_xact_lock(hashtext('nightmail.consent_request.contact'), hashtext(:contact))"
"""One request of a contact at a time: of two at once the second sees the first."""

# Whom is asked: the contact as its team's book has it.
ASKED_CONTACT = f"""
    select id, {", ".join(ADDRESS_FIELDS)}, language, time_zone
    from contact where contact_id = :contact and team_id = :team and removed_at is null
"""  # noqa: S608 - the part is a constant

_ROW = """
    select r.id, t.path as team, t.name as team_name, r.team_id, r.contact_id, r.category, r.channel, r.text_id, r.asked_at, r.asked_how, r.asked_by,
        r.source, r.proof, r.consent_expires_at, r.sent_on, r.address_hash, r.masked, r.language, r.requested_at, r.expires_at,
        r.outcome, r.confirmed_at, r.confirmed_how, r.expires_at <= now() as over,
        x.name as text_name, x.version as text_version, x.language as text_language, x.text
    from consent_request r join team t on t.id = r.team_id join consent_text x on x.id = r.text_id
"""
OF_CONTACT = f"""
    {_ROW}
    where r.contact_id = :contact and {AT_OR_BELOW.format(lower="cast(:team as text)", upper="t.path")}
    order by r.id desc limit :limit
"""
BY_ID = f"{_ROW} where r.id = :id"

# One that waits, and was made so shortly ago that its message is on its way, or has just come.
OPEN_OF_LATE = f"""
    {_ROW}
    where r.contact_id = :contact and r.team_id = :team and r.category = :category and r.channel is not distinct from :channel
        and r.confirmed_at is null and r.expires_at > now() and r.outcome is distinct from 'not_sent'
        and r.requested_at > now() - cast(:within as interval)
    order by r.id desc limit 1
"""

# What was sent of late: to the address for the team and for anybody, and for the team to anybody.
SENT_OF_LATE = """
    select count(*) filter (where team_id = :team) as day, count(*) as day_of_all,
        (select count(*) from (
            select from consent_request where team_id = :team and requested_at > now() - interval '1 hour' limit :most_of_team
        ) of_team) as hour_of_team
    from consent_request
    where address_hash = :hash and requested_at > now() - interval '24 hours'
"""

ADD_REQUEST = """
    insert into consent_request (team_id, contact_id, category, channel, text_id, asked_at, asked_how, asked_by, source, proof,
        consent_expires_at, sent_on, sent_from, carrier_account_id, address_hash, masked, language, expires_at)
    values (:team, :contact, :category, :channel, :text_id, :at, :how, :by, :source, :proof, :consent_expires_at, :sent_on,
        :sent_from, :account, :hash, :masked, :language, now() + make_interval(days => :days))
    returning id
"""

KEEP_OUTCOME = "update consent_request set outcome = :outcome where id = :id and outcome is null"

# Locked, so that of two confirmations at once the second finds what the first one did.
LOCK_REQUEST = "select id from consent_request where id = :id for update"
CONFIRM = """
    update consent_request set confirmed_at = :at, confirmed_how = :how, confirmed_from = :came_from, reply_id = :reply
    where id = :id and confirmed_at is null
"""

# What an answer may confirm: requests that wait, whose message went to the address from where the answer was sent to.
WAITING_AT_ADDRESS = f"""
    {_ROW}
    where r.address_hash = :hash and r.sent_on = :channel and r.confirmed_at is null and r.expires_at > now()
        and r.outcome is distinct from 'not_sent' and lower(r.sent_from) = any(:senders)
        and (cast(:accounts as integer[]) is null or r.carrier_account_id = any(:accounts))
    order by r.id desc limit 2
"""

# Whether anything else went to the address since, from there: the answer may be to that.
WRITTEN_TO_SINCE = """
    select exists (select from message where ledger_month = :month and message_key = :key
        and coalesce(handed_off_at, now()) > cast(:since as timestamptz) - interval '5 minutes')
"""

DELETE_OVER = "delete from consent_request where confirmed_at is null and expires_at < now() - cast(:after as interval)"
