"""SQL of consents: what was stated, and what holds."""

from __future__ import annotations

LATEST_FIRST = """coalesce({0}.withdrawn_at, {0}.captured_at) desc, {0}.withdrawn_at is not null desc,
    {0}.expires_at nulls last"""
"""The order of the rows of one contact and purpose by which the first one holds: the latest time; of equal times, what restricts."""

LOCK_TEAM = "select pg_advisory_xact_lock(hashtext('nightmail.consents'), :team)"
"""One writer of a team's consents at a time: each looks at what the others have recorded."""

# A consent that was withdrawn later already is recorded as that: whoever asks for what was not withdrawn must not find it.
ADD_GIVEN = """
    insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, source, proof, recorded_by, text_id,
        expires_at, confirmed_at, withdrawn_at, withdrawn_how, withdrawn_by, of_contact)
    select :team, n.contact, n.category, n.channel, n.at, n.how, n.source, n.proof, :by, n.text_id, n.expires_at, n.confirmed_at,
        w.withdrawn_at, w.withdrawn_how, w.withdrawn_by, n.of_contact
    from (select distinct on (contact, category, channel, at, of_contact) * from unnest(cast(:contacts as text[]),
            cast(:categories as text[]), cast(:channels as text[]), cast(:ats as timestamptz[]), cast(:hows as text[]),
            cast(:sources as text[]), cast(:proofs as text[]), cast(:texts as bigint[]), cast(:expiries as timestamptz[]),
            cast(:confirmations as timestamptz[]), cast(:of_contacts as text[]))
            as stated(contact, category, channel, at, how, source, proof, text_id, expires_at, confirmed_at, of_contact)
        order by contact, category, channel, at, of_contact, expires_at nulls last) n
    left join lateral (
        select e.withdrawn_at, e.withdrawn_how, e.withdrawn_by from consent e
        where e.team_id = :team and e.contact_id = n.contact and e.category = n.category and e.withdrawn_at >= n.at
            and (e.channel is null or e.channel = n.channel) and e.of_contact is null
        order by e.withdrawn_at desc limit 1) w on true
    where not exists (
        select from consent e
        where e.team_id = :team and e.contact_id = n.contact and e.category = n.category
            and e.channel is not distinct from n.channel and e.captured_at = n.at
            and e.expires_at is not distinct from n.expires_at and e.captured_at is distinct from e.withdrawn_at
            and e.of_contact is not distinct from n.of_contact)
"""

_WITHDRAWALS = """unnest(cast(:contacts as text[]), cast(:categories as text[]), cast(:channels as text[]),
    cast(:ats as timestamptz[]), cast(:hows as text[]), cast(:sources as text[]), cast(:proofs as text[]))
    as n(contact, category, channel, at, how, source, proof)"""

END_GIVEN = f"""
    update consent k set withdrawn_at = n.at, withdrawn_how = n.how, withdrawn_by = :by, ended_at = now()
    from {_WITHDRAWALS}
    where k.team_id = :team and k.contact_id = n.contact and k.category = n.category and k.captured_at <= n.at
        and (n.channel is null or k.channel = n.channel) and k.withdrawn_at is null
"""  # noqa: S608 - the part is a constant

# A withdrawal of what was not given here, or of a part of what was: a row of its own. A copy of a merged contact is no such row: it
# goes when the merge is taken back, and the withdrawal stays.
ADD_WITHDRAWN = f"""
    insert into consent (team_id, contact_id, category, channel, captured_at, captured_how, source, proof, recorded_by, withdrawn_at,
        withdrawn_how, withdrawn_by, ended_at)
    select distinct on (n.contact, n.category, n.channel, n.at) :team, n.contact, n.category, n.channel, n.at, n.how, n.source,
        n.proof, :by, n.at, n.how, :by, now()
    from {_WITHDRAWALS}
    where not exists (
        select from consent k
        where k.team_id = :team and k.contact_id = n.contact and k.category = n.category and k.withdrawn_at = n.at
            and (k.channel is null or k.channel = n.channel) and k.of_contact is null)
    order by n.contact, n.category, n.channel, n.at
"""  # noqa: S608

# All that was stated of some contacts, the latest first.
OF_CONTACT = f"""
    select k.id, t.path as team, k.contact_id, k.category, k.channel, k.captured_at, k.captured_how, k.source, k.proof,
        k.recorded_by, k.recorded_at, k.expires_at, k.confirmed_at, k.withdrawn_at, k.withdrawn_how, k.withdrawn_by, k.of_contact,
        x.name as text_name, x.version as text_version, x.language as text_language, x.text
    from consent k join team t on t.id = k.team_id left join consent_text x on x.id = k.text_id
    where k.contact_id = :contact and k.team_id = any(:teams)
    order by {LATEST_FIRST.format("k")}, k.id desc
    limit :limit
"""  # noqa: S608

ADD_TEXT = """
    insert into consent_text (team_id, name, version, language, text, created_by)
    select :team, :name, coalesce(max(version), 0) + 1, :language, :text, :by from consent_text where team_id = :team and name = :name
    returning id, version
"""

FIND_TEXT = """
    select id from consent_text
    where team_id = any(:teams) and name = :name and (cast(:version as integer) is null or version = :version)
    order by array_position(cast(:teams as integer[]), team_id), version desc limit 1
"""

TEXTS = """
    select x.id, t.path as team, x.name, x.version, x.language, x.text, x.created_at, x.created_by
    from consent_text x join team t on t.id = x.team_id
    where x.team_id = any(:teams) and (cast(:name as text) is null or x.name = :name)
        and (cast(:before as bigint) is null or x.id < :before)
    order by x.id desc limit :limit
"""
