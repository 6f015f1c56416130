"""The queries of this room. Those that go by COPY have psycopg's parameters, and name columns as the lake's schema does."""

from __future__ import annotations

from nightmail.campaigns.queries import CAMPAIGNS
from nightmail.consent.consent_queries import LATEST_FIRST
from nightmail.organisation.queries import STILL_COUNTS

# What decides a campaign's preparation besides the campaign's own row; of several parts, the first one's file name.
CAMPAIGN_SETTINGS = """
    select
        p.name as template, v.version as template_version, v.content as template_content,
        t.country as team_country, t.time_zone as team_time_zone, f.default_country as feed_country,
        (
            select name from received_file
            where campaign_id = :campaign and state <> 'repeated'
            order by id
            limit 1
        ) as file_name,
        now() as now
    from template_version v
    join template p on p.id = v.template_id
    join team t on t.id = :team
    left join feed f on f.id = :feed
    where v.id = :version
"""

# The uploads of a campaign that are kept.
STORED_FILES = """
    select name, stored_path
    from received_file
    where campaign_id = :campaign and stored_path is not null and state not in ('repeated', 'answer')
    order by id
"""

# The accounts that a team may use, those of the nearest team above it first, then by priority.
CARRIERS_OF_TEAM = f"""
    select a.channel, a.carrier
    from carrier_account a
    left join team t on t.id = a.team_id
    where a.active and {STILL_COUNTS} and (a.team_id is null or t.path = :team or starts_with(:team, t.path || '.'))
    order by length(t.path) desc nulls last, a.priority, a.id
"""  # noqa: S608 - the part is a constant

# The teams whose statements hold for a team: itself and those above it.
_TEAMS_ABOVE = "select id from team where path = %(team)s or starts_with(%(team)s, path || '.')"

# The suppressions that hold for a team: its own, and those of teams above it and of all.
_SUPPRESSIONS = f"""
    select
        s.id as id,
        encode(s.address_hash, 'hex') as address_hash,
        nullif(s.channel, '') as channel,
        s.category as category,
        s.reason = any(%(asked_for)s) as opted_out, s.reason = 'probable_opt_out' as undecided
    from suppression s
    where s.lifted_at is null and (s.team_id is null or s.team_id in ({_TEAMS_ABOVE})) {{of_people}}
"""  # noqa: S608 - the part is a constant

# What a team's contacts chose with it and with those above it; lists are joined by commas. The longest path is the nearest team's.
_PREFERENCES = f"""
    select
        p.contact_id as contact_id,
        array_to_string(p.channels, ',') as channels,
        array_to_string(p.categories_in, ',') as categories_in,
        array_to_string(p.categories_out, ',') as categories_out,
        p.quiet_from as quiet_from,
        p.quiet_until as quiet_until,
        p.time_zone as time_zone,
        p.language as language,
        p.paused_until as paused_until,
        p.statement_id as statements,
        length(t.path) as depth
    from preference p
    join team t on t.id = p.team_id
    where t.id in ({_TEAMS_ABOVE}) {{of_people}}
"""  # noqa: S608 - the part is a constant


# Of each contact, category and channel of a team and those above it the latest that was stated.
_CONSENTS = f"""
    select distinct on (c.contact_id, c.category, c.channel)
        c.id as id, c.contact_id as contact_id, c.category as category, c.channel as channel,
        coalesce(c.withdrawn_at, c.captured_at) as stated_at, c.withdrawn_at is not null as withdrawn, c.expires_at as expires_at
    from consent c
    where c.team_id in ({_TEAMS_ABOVE}) {{of_people}}
    order by c.contact_id, c.category, c.channel, {LATEST_FIRST.format("c")}, c.id desc
"""  # noqa: S608 - the parts are constants

# All that is known in a team, and what is known of some people: looked up by their hashes.
SUPPRESSIONS, PREFERENCES, CONSENTS = (each.format(of_people="") for each in (_SUPPRESSIONS, _PREFERENCES, _CONSENTS))
SUPPRESSIONS_OF_PEOPLE = _SUPPRESSIONS.format(of_people="and s.address_hash = any(%(addresses)s::bytea[])")
PREFERENCES_OF_PEOPLE = _PREFERENCES.format(of_people="and p.contact_id = any(%(contacts)s::text[])")
CONSENTS_OF_PEOPLE = _CONSENTS.format(of_people="and c.contact_id = any(%(contacts)s::text[])")

# How much is known in a team, counted up to a limit.
KNOWN_UP_TO = """
    select (select count(*) from (select from suppression where lifted_at is null and team_id is null limit :limit) s)
        + (select count(*) from (select from suppression s where s.lifted_at is null and s.team_id in ({teams}) limit :limit) s)
        + (select count(*) from (select from preference p where p.team_id in ({teams}) limit :limit) p)
        + (select count(*) from (select from consent c where c.team_id in ({teams}) limit :limit) c)
""".format(teams=_TEAMS_ABOVE.replace("%(team)s", ":team"))  # noqa: S608 - the part is a constant

# The hashes of a block of contacts, or of their addresses; gone with the transaction.
MAKE_WANTED = "create temporary table cap_wanted (place integer, hash text) on commit drop"

# How many campaigns of a team and those below, in a cap's categories and on its channels, wrote to each of the wanted within
# its window, or are about to. A campaign counts once for each of its contacts, whatever channels it tries.
_SENDS = """
    select w.place as place, count(distinct (m.campaign_id, m.line)) as sends
    from cap_wanted w
    join message_recipient r on {key}
    join message m on m.ledger_month = r.ledger_month and m.message_key = r.message_key
    join campaign c on c.id = m.campaign_id
    join category g on g.id = c.category_id
    join team t on t.id = c.team_id
    where {same} and m.campaign_id is distinct from %(campaign)s
      and (t.path = %(team)s or starts_with(t.path, %(team)s || '.')) and not g.urgent
      and (%(categories)s::text[] = '{{}}' or g.name = any(%(categories)s::text[]))
      and (%(channels)s::text[] = '{{}}' or m.channel = any(%(channels)s::text[]))
      and (m.state = 'accepted' and m.handed_off_at > %(moment)s - make_interval(days => %(days)s)
        or m.state in ('handing_over', 'in_doubt')
        or m.state = 'queued' and m.due_at < %(moment)s + make_interval(days => %(days)s)
          and c.state not in ('cancelled', 'stopped', 'finished'))
    group by w.place
"""
SENDS_TO_CONTACTS = _SENDS.format(key="r.contact_key = contact_key(w.hash)", same="m.contact_id = w.hash")
SENDS_TO_ADDRESSES = _SENDS.format(
    key="r.address_key = address_key(decode(w.hash, 'hex'))", same="m.address_hash = decode(w.hash, 'hex')"
)

# The campaigns of a feed that were loaded in the days before another one was made, and those that it continues.
EARLIER_CAMPAIGNS = """
    with recursive continued as (
        select continues_id as id from campaign where id = :campaign and continues_id is not null
        union
        select e.continues_id from campaign e join continued on continued.id = e.id where e.continues_id is not null
    )
    select c.key
    from campaign c
    where c.id < :campaign and c.loaded_at is not null and c.state not in ('cancelled', 'stopped')
      and (
        c.id in (select id from continued)
        or c.feed_id = :feed and :days > 0
          and c.created_at > cast(:created_at as timestamptz) - make_interval(days => :days)
      )
    order by c.id
"""

# Whether a campaign is small, as far as is known before it is read: its rows, or the bytes of its uploads.
_SMALL = """
    case c.source
        when 'single' then (select count(*) from (
            select from single_message s where s.campaign_id = c.id limit :rows + 1) s) <= :rows
        when 'contacts' then (select count(*) from (
            select from contact a where a.team_id = c.team_id limit :rows + 1) a) <= :rows
        else coalesce((select l.contacts <= :rows from campaign_list l where l.campaign_id = c.id), (
            select sum(f.size) <= :bytes from received_file f
            where f.campaign_id = c.id and f.state not in ('repeated', 'answer')), false)
    end
"""

# Campaigns that wait to be prepared. One that continues another waits until it is known whom that one has.
_WAITING = """
    c.state = 'received' and (c.accepts_until is null or c.accepts_until <= now())
    and not exists (select from campaign e where e.id = c.continues_id and e.state in ('received', 'checking'))
"""

# What a preparer may take: small campaigns that no run has tried yet, since one that ended a run is to end no others with it.
_FOR_PREPARERS = f"c.prepare_attempts = 0 and c.first_hand_off_at is null and ({_SMALL})"

# Of a feed whose contacts of some days are duplicates, one campaign after the other.
_IN_TURN = """
    not (coalesce((c.settings ->> 'window_days')::integer, 0) > 0 and exists (
        select from campaign e
        where e.feed_id = c.feed_id and e.id < c.id and e.state in ('received', 'checking')
            and (e.accepts_until is null or e.accepts_until <= now())))
"""

# The priorities of small campaigns that a preparer can take now, the most urgent first.
PRIORITIES_FOR_PREPARERS = f"""
    select c.priority from campaign c
    where {_WAITING} and {_FOR_PREPARERS} and {_IN_TURN} and (cast(:sources as text[]) is null or c.source = any(cast(:sources as text[])))
    order by c.priority, c.id limit :limit
"""  # noqa: S608 - the parts are constants

# Takes them, the oldest of a priority first, and passes over those that another preparer is taking.
TAKE_FOR_PREPARER = f"""
    select c.id from campaign c
    where {_WAITING} and {_FOR_PREPARERS} and {_IN_TURN} and c.priority = :priority
    order by c.id limit :limit for update of c skip locked
"""  # noqa: S608 - the parts are constants

# Of campaigns that wait, those that a preparer takes sooner or later.
LEFT_TO_PREPARERS = f"select c.id from campaign c where c.id = any(:ids) and {_FOR_PREPARERS}"  # noqa: S608

# Campaigns that get a preparing run of their own: large ones, and those that an earlier attempt failed of.
FOR_OWN_RUNS = f"""
    {CAMPAIGNS}
    where {_WAITING} and c.source = any(:sources) and not ({_FOR_PREPARERS})
    order by c.priority, c.id limit :limit
"""

# The campaigns that a run has taken and nobody has moved on since.
STILL_WITH_RUN = f"{CAMPAIGNS} where c.id = any(:ids) and c.state = 'checking' and c.run_id = :run"

# Whether a campaign is being prepared that is not for later, and that moved a short while ago.
MESSAGES_ARE_COMING = """
    select exists (
        select from campaign
        where state in ('received', 'checking')
          and (accepts_until is null or accepts_until <= now() + make_interval(secs => :within_s))
          and (scheduled_at is null or scheduled_at <= now() + make_interval(secs => :within_s))
          and state_changed_at > now() - interval '10 minutes'
          and (state = 'checking' or state_changed_at <= now() - make_interval(secs => :waited_s))
    )
"""

# The rows that were taken for an open campaign.
SINGLE_MESSAGES = 'select "row" from single_message where campaign_id = :campaign order by line'

# A team's contacts as rows of a contact file: an attribute is a column, and a field without a value is left out.
CONTACT_BOOK = """
    select attributes || jsonb_strip_nulls(jsonb_build_object(
        'external_id', external_id, 'phone', phone, 'landline', landline, 'email', email, 'country', country,
        'language', language, 'time_zone', time_zone, 'birth_date', birth_date)) as contact
    from contact
    where team_id = :team
    order by id
"""
