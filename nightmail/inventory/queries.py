"""The queries of this room. ``:seen`` are the paths of :func:`nightmail.inventory.sight.sight`: the empty one stands for all."""

from __future__ import annotations

from nightmail.organisation.queries import IS_SANDBOX, STILL_COUNTS, TEAMS_AT_OR_BELOW

_TEAMS_SEEN = TEAMS_AT_OR_BELOW.replace(":teams", ":seen")

# Whether what belongs to the team of a path is seen; what belongs to none is seen with the deployment as a whole alone.
_IS_SEEN = """
    exists (select from unnest(cast(:seen as text[])) as upper_team(path)
        where upper_team.path = '' or {owner} = upper_team.path or starts_with({owner}, upper_team.path || '.'))
"""

# An account or server without a team belongs to the organisation whose file named it.
_ACCOUNT_OWNER = "coalesce(t.path, a.provisioned_by)"

# --- Carrier accounts ---

# Suspensions that stop an account a, of those that are seen.
_STOPS_ACCOUNT = f"""
    s.lifted_at is null and s.channel = a.channel and s.sender is null
    and (s.carrier_account_id = a.id or s.carrier_account_id is null and s.team_id is null)
    and (s.team_id is null or s.team_id in ({_TEAMS_SEEN}))
"""

# Open alerts about an account a, by the subjects that senders and mailboxes give them.
_ABOUT_ACCOUNT = """
    l.resolved_at is null and (l.subject in ('carrier:' || a.name, 'failover:' || a.name, 'mailbox:' || a.name)
        or starts_with(l.subject, 'carrier:' || a.name || ':'))
"""

# The accounts that are seen; further conditions follow.
ACCOUNTS_SEEN = f"""
    select a.id, a.name, a.carrier, a.channel, a.region, a.priority, a.settings, a.secret, a.webhook_secret, a.active,
        a.retired_at, a.provisioned_by, t.path as team, {IS_SANDBOX} as sandbox, a.active and {STILL_COUNTS} as counts,
        coalesce(f.moved_percent, 0) as moved_percent, f.since as moved_since, p.rate_per_s as paced_per_s,
        case when p.blocked_until > now() then p.blocked_until end as blocked_until, p.filled_at as used_at,
        m.looked_at as mailbox_looked_at,
        (select count(*) from sender n
            where n.carrier_account_id = a.id and n.retired_at is null and n.team_id in ({_TEAMS_SEEN})) as senders,
        (select count(*) from suspension s where {_STOPS_ACCOUNT}) as suspensions,
        (select count(*) from alert l where {_ABOUT_ACCOUNT}) as alerts,
        (select count(*) from alert l where l.resolved_at is null and l.subject = 'mailbox:' || a.name) as mailbox_alerts,
        (select count(*) from mail_aside x where x.carrier_account_id = a.id) as mails_aside
    from carrier_account a left join team t on t.id = a.team_id left join failover f on f.carrier_account_id = a.id
        left join pace p on p.carrier_account_id = a.id and p.sender = '' and p.channel = a.channel
        left join mailbox m on m.carrier_account_id = a.id
    where {_IS_SEEN.format(owner=_ACCOUNT_OWNER)}
"""  # noqa: S608

# A page of the accounts that are seen, by name; each condition may be left out.
ACCOUNTS = f"""
    {ACCOUNTS_SEEN}
        and (cast(:channel as text) is null or a.channel = :channel)
        and (:retired or a.active) and (not :mailbox or a.settings ? 'mailbox')
        and (cast(:after as text) is null or a.name > :after)
    order by a.name
    limit :limit
"""

ACCOUNT = f"{ACCOUNTS_SEEN} and a.id = :id"

ALERTS_OF_ACCOUNT = f"""
    select l.id, l.reason, l.message, l.at as since, l.last_at, l.times
    from alert l join carrier_account a on a.id = :account
    where {_ABOUT_ACCOUNT}
    order by l.last_at desc, l.id desc
    limit 20
"""  # noqa: S608

SUSPENSIONS_OF_ACCOUNT = f"""
    select s.id, t.path as team, s.carrier_account_id is not null as of_account, s.reason, s.by, s.since
    from suspension s join carrier_account a on a.id = :account left join team t on t.id = s.team_id
    where {_STOPS_ACCOUNT}
    order by s.since, s.id
    limit 20
"""  # noqa: S608

# The teams that send over an account, and the accounts of their next senders, as routes_of_team orders them.
WAYS_OF_ACCOUNT = f"""
    select distinct on (t.path) t.path as team, n.name as sender, n.address,
        (select array_agg(next_one.name) from (
            select o.name from (
                select distinct on (n2.carrier_account_id) n2.carrier_account_id, length(t2.path) as depth, n2.id
                from sender n2 join team t2 on t2.id = n2.team_id
                where n2.channel = n.channel and n2.retired_at is null and n2.carrier_account_id <> n.carrier_account_id
                    and (t.path = t2.path or starts_with(t.path, t2.path || '.'))
                order by n2.carrier_account_id, length(t2.path) desc, n2.id) way
            join carrier_account o on o.id = way.carrier_account_id and o.active
            order by way.depth desc, way.id limit 5) next_one) as next_accounts
    from sender n join team t on t.id = n.team_id
    where n.carrier_account_id = :account and n.retired_at is null and n.team_id in ({_TEAMS_SEEN})
    order by t.path, n.id
    limit 50
"""  # noqa: S608

# What a carrier said instead of a plain yes, of the last hand-offs of a week; the index of attempts by account bounds it.
ERRORS_OF_ACCOUNT = """
    select error_code as code, error_class, count(*) as times, max(started_at) as last_at
    from (
        select error_code, error_class, started_at from attempt
        where carrier_account_id = :account and started_at > now() - interval '7 days'
        order by started_at desc
        limit :attempts) lately
    group by error_code, error_class
    order by count(*) desc, max(started_at) desc
    limit 50
"""

MAILS_ASIDE = """
    select uid, problem, put_aside_at from mail_aside
    where carrier_account_id = :account
    order by put_aside_at desc, id desc
    limit 20
"""

# --- Senders ---

# The senders that are seen; further conditions follow.
SENDERS_SEEN = f"""
    select n.id, t.path as team, n.channel, n.name, n.address, n.display_name, n.reply_to, n.settings, n.retired_at,
        n.provisioned_by, a.id as account_id, a.name as account, a.active as account_active,
        {_IS_SEEN.format(owner="coalesce(o.path, a.provisioned_by)")} as account_seen,
        exists (select from suspension s
            where s.lifted_at is null and s.channel = n.channel
                and (s.sender is null or s.sender = n.address)
                and (s.carrier_account_id is null or s.carrier_account_id = a.id)
                and (s.team_id is null or s.team_id = n.team_id)) as suspended
    from sender n join team t on t.id = n.team_id join carrier_account a on a.id = n.carrier_account_id
        left join team o on o.id = a.team_id
    where n.team_id in ({_TEAMS_SEEN})
"""  # noqa: S608

# A page of the senders that are seen, by team, channel and name; each condition may be left out.
SENDERS = f"""
    {SENDERS_SEEN}
        and (cast(:channel as text) is null or n.channel = :channel)
        and (cast(:account as integer) is null or n.carrier_account_id = :account)
        and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
        and (:retired or n.retired_at is null)
        and (cast(:after_name as text) is null
            or (t.path || ' ' || n.channel || ' ' || n.name, n.id) > (:after_name, :after_id))
    order by t.path || ' ' || n.channel || ' ' || n.name, n.id
    limit :limit
"""

SENDER = f"{SENDERS_SEEN} and n.id = :id"

# --- SFTP servers ---

# Whether a server s is seen: by its organisation, or since a feed that is seen has its folder there.
_FEED_SEEN_ON_SERVER = f"""
    exists (select from feed f where f.sftp_server_id = s.id and f.active and f.team_id in ({_TEAMS_SEEN}))
"""
_SERVER_OWNED = _IS_SEEN.format(owner="s.provisioned_by")

# The servers that are seen; further conditions follow. Alerts about files name other teams' folders: they are counted for who sees the whole server.
SERVERS_SEEN = f"""
    select s.id, s.name, s.host, s.port, s.username, s.password_secret, s.private_key_secret, s.host_key, s.root, s.active,
        s.looked_at, s.failed_at, s.failure, s.provisioned_by, {_SERVER_OWNED} as owned,
        (select count(*) from feed f where f.sftp_server_id = s.id and f.active and f.team_id in ({_TEAMS_SEEN})) as feeds,
        (select count(*) from alert l where l.resolved_at is null and l.subject = 'sftp:' || s.name) as server_alerts,
        (select count(*) from alert l where l.resolved_at is null and starts_with(l.subject, 'sftp:' || s.name || ':')
            and {_SERVER_OWNED}) as file_alerts
    from sftp_server s
    where ({_SERVER_OWNED} or {_FEED_SEEN_ON_SERVER})
"""  # noqa: S608

SERVERS = f"""
    {SERVERS_SEEN} and (:retired or s.active) and (cast(:after as text) is null or s.name > :after)
    order by s.name
    limit :limit
"""

SERVER = f"{SERVERS_SEEN} and s.id = :id"

ALERTS_OF_SERVER = """
    select l.id, l.reason, l.message, l.at as since, l.last_at, l.times
    from alert l
    where l.resolved_at is null and (l.subject = 'sftp:' || :name
        or cast(:owned as boolean) and starts_with(l.subject, 'sftp:' || :name || ':'))
    order by l.last_at desc, l.id desc
    limit 20
"""

# The feeds on a server, each with its last campaign of a file: the index of campaigns by feed has it.
FEEDS_OF_SERVER = f"""
    select f.id, t.path as team, f.name, f.folder, f.schedule,
        (select c.created_at from campaign c where c.feed_id = f.id order by c.created_at desc limit 1) as last_campaign_at
    from feed f join team t on t.id = f.team_id
    where f.sftp_server_id = :server and f.active and f.team_id in ({_TEAMS_SEEN})
    order by t.path, f.name
    limit 200
"""  # noqa: S608
