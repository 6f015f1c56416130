"""The queries of this room."""

from __future__ import annotations

from nightmail.organisation.queries import AT_OR_BELOW, TEAMS_AT_OR_BELOW

# A file becomes known; no row when it is known already (the same file on SFTP, by path, size and time of change).
ADD_FILE = """
    insert into received_file (
        team_id, feed_id, campaign_id, source, sftp_server_id, path, name, size, modified_at, sha256, stored_path, state,
        problem, answered_at, archived_at, received_by, corrects_id)
    values (
        :team, :feed, :campaign, :source, :server, :path, :name, :size, :modified_at, :sha256, :stored_path, :state,
        cast(:problem as jsonb), case when :answered then now() end,
        case when :archived then now() end, :received_by, :corrects)
    on conflict do nothing
    returning id
"""

# The file on SFTP that was registered before with the same path, size and time of change.
SAME_FILE = """
    select id, campaign_id
    from received_file
    where source = 'sftp' and sftp_server_id = :server and path = :path and size = :size and modified_at = :modified_at
"""

# Files on SFTP that were seen before, of those that a look at folders has found.
KNOWN_FILES = """
    select
        r.path, r.size, r.modified_at, r.id, r.state, r.archived_at is not null as archived,
        r.archived_path is not null as moved, r.answered_at is not null as answered
    from received_file r
    join unnest(cast(:paths as text[]), cast(:sizes as bigint[]), cast(:times as timestamptz[]))
        as w (path, size, modified_at) on r.path = w.path and r.size = w.size and r.modified_at = w.modified_at
    where r.source = 'sftp' and r.sftp_server_id = :server
"""

# Whether nothing of a campaign c was ever sent and nothing will be: its content may come again.
_CAME_TO_NOTHING = "(c.state in ('stopped', 'cancelled') and c.first_hand_off_at is null)"

# The feed's last campaign of the same content.
CAMPAIGN_WITH_CONTENT = f"""
    select c.id
    from received_file r join campaign c on c.id = r.campaign_id
    where r.feed_id = :feed and r.sha256 = :sha256 and r.id <> :except and r.state <> 'repeated'
      and not {_CAME_TO_NOTHING}
    order by c.id desc
    limit 1
"""  # noqa: S608 - the part is a constant

# Smaller files that were taken from the same place of a server, the largest first.
EARLIER_PARTS = f"""
    select r.id, r.campaign_id, r.size, r.sha256
    from received_file r join campaign c on c.id = r.campaign_id
    where r.source = 'sftp' and r.sftp_server_id = :server and r.path = :path and r.feed_id = :feed
      and r.size between 1 and :size - 1 and r.state in ('taken', 'judged') and r.received_at > now() - :within
      and not {_CAME_TO_NOTHING}
    order by r.size desc, r.id desc
    limit 5
"""  # noqa: S608 - the part is a constant

# The feed's campaign that was made of the same parts.
CAMPAIGN_WITH_PARTS = f"""
    select c.id
    from received_file r join campaign c on c.id = r.campaign_id
    where r.feed_id = :feed and r.sha256 = any(:contents) and r.state in ('taken', 'judged')
      and not {_CAME_TO_NOTHING}
    group by c.id
    having count(distinct r.sha256) = :count
    limit 1
"""  # noqa: S608

# The team's last campaign of the same content with the same template, of any version.
DIRECT_SEND_WITH_CONTENT = f"""
    select c.id
    from received_file r
    join campaign c on c.id = r.campaign_id
    join template_version v on v.id = c.template_version_id
    where r.team_id = :team and r.sha256 = :sha256 and r.state <> 'repeated'
      and v.template_id = (select template_id from template_version where id = :version)
      and not {_CAME_TO_NOTHING}
    order by c.id desc
    limit 1
"""  # noqa: S608

# The team's last campaign of the same contacts of a list or segment with the same template, of any version.
LIST_SEND_WITH_CONTENT = f"""
    select c.id
    from campaign_list s
    join campaign c on c.id = s.campaign_id
    join template_version v on v.id = c.template_version_id
    where s.team_id = :team and s.sha256 = :sha256
      and v.template_id = (select template_id from template_version where id = :version)
      and not {_CAME_TO_NOTHING}
    order by c.id desc
    limit 1
"""  # noqa: S608

TEMPLATE_OF_VERSION = (
    "select p.name, p.category_id from template_version v join template p on p.id = v.template_id where v.id = :version"
)

# What a campaign was made of: the list or segment as it was, and the file of its contacts.
KEEP_LIST = """
    insert into campaign_list (campaign_id, team_id, kind, source_id, name, version, definition, contacts, sha256, stored_path)
    values (:campaign, :team, :kind, :source, :name, :source_version, cast(:definition as jsonb), :contacts, :sha256, :path)
"""

LIST_OF_CAMPAIGN = """
    select kind, source_id as id, name, version, contacts, sha256, resolved_at from campaign_list where campaign_id = :campaign
"""

# The parts of a feed's files that wait for others.
WAITING_PARTS = """
    select id, name, path, sha256
    from received_file
    where feed_id = :feed and state = 'part' and campaign_id is null
    order by id
"""

# Parts that have waited for others for long, with the feed that they are for.
OVERDUE_PARTS = """
    select r.name, r.feed_id, f.name as feed, t.path as team, f.team_id
    from received_file r
    join feed f on f.id = r.feed_id
    join team t on t.id = f.team_id
    where r.state = 'part' and r.received_at < :before
    order by r.id
    limit 1000
"""

# Whether a standing feed's campaign of that time is there, or its schedule was set after that time.
STANDING_CAMPAIGN_MADE = """
    select exists (
            select from campaign where feed_id = :feed and source = 'contacts' and schedule_time >= :due)
        or (select coalesce(schedule_set_at, created_at) from feed where id = :feed) > :due
"""

_FILES_TO_ANSWER = """
    select
        r.id, r.source, r.sftp_server_id, r.path, r.name, r.size, r.sha256, r.state, r.problem, r.received_at,
        r.modified_at, r.campaign_id, r.feed_id, r.team_id
    from received_file r
    left join campaign c on c.id = r.campaign_id
    left join contact_import i on i.received_file_id = r.id
    where {of_source}
      and r.answered_at is null
      and r.state in ('taken', 'judged', 'repeated', 'refused')
      and (r.state in ('repeated', 'refused')
        or c.state not in ('received', 'checking')
        or (r.state = 'taken' and c.counts ? 'rejects')
        or i.state in ('applied', 'undone', 'discarded', 'refused')
        or (r.state = 'taken' and i.state = 'checked' and i.waits_for is not null))
      and r.id <> all(cast(:except as bigint[]))
    order by r.id
    limit :limit
"""

# Files whose answer is due: those that became no campaign, and those whose campaign's rows are judged.
FILES_TO_ANSWER = _FILES_TO_ANSWER.format(of_source="r.source = :source")
# The same of one SFTP server. The source is no parameter: the planner sees that the index of unanswered files fits.
FILES_TO_ANSWER_ON_SFTP = _FILES_TO_ANSWER.format(of_source="r.source = 'sftp' and r.sftp_server_id = :server")

# Held until the transaction ends: two files of one content that come at once must not become two campaigns.
LOCK = "select pg_advisory_xact_lock(hashtext(:name))"

# An upload was moved to the archive; without a size and a time it lies there as it was taken.
RECORD_ARCHIVED = """
    update received_file
    set archived_at = now(), archived_path = :path,
        archived_size = coalesce(cast(:size as bigint), size),
        archived_modified_at = coalesce(cast(:modified_at as timestamptz), modified_at)
    where id = :id
"""

# The files of a server that were archived a short while ago, found by the index of files archived on SFTP.
ARCHIVED_LATELY = """
    select
        r.id, r.team_id, r.feed_id, r.campaign_id, r.path, r.name, r.sha256, r.archived_path, r.archived_size,
        r.archived_modified_at
    from received_file r
    where r.source = 'sftp' and r.sftp_server_id = :server and r.archived_at > now() - cast(:within as interval)
      and r.archived_path is not null and r.archived_size is not null and r.sha256 is not null
      and r.feed_id is not null
      and (cast(:only as bigint[]) is null or r.id = any(cast(:only as bigint[])))
    order by r.id desc
    limit :limit
"""

# A campaign takes a file, and continues the campaign of what the file held before.
CONTINUE_CAMPAIGN = """
    with campaign_of_file as (update received_file set campaign_id = :id where id = :file)
    update campaign set continues_id = :continues where id = :id
"""

# A file with the names of its team and feed; what Nightmail wrote beside an upload is no contact file.
RECEIVED_FILE = """
    select r.id, r.name, t.path as team, f.name as feed, r.source, r.size, r.sha256, r.state, r.campaign_id,
        r.received_at, r.problem
    from received_file r join team t on t.id = r.team_id left join feed f on f.id = r.feed_id
    where r.id = :id and r.state <> 'answer'
"""

# Of a stated start only the campaign of that start: a wall-clock time or a moment.
# The lock and the state in one: a preparing run moves the campaign on only before or after the transaction.
LOCK_OPEN_CAMPAIGN = """
    select id from campaign
    where feed_id = :feed and source = 'single' and state = 'received' and accepts_until > clock_timestamp()
      and start_stated = :stated
      and (not :stated or local_start = cast(:local as timestamp)
        or local_start is null and scheduled_at = cast(:moment as timestamptz))
    order by id desc
    limit 1
    for update
"""

LAST_SINGLE_MESSAGE = "select max(line) from single_message where campaign_id = :campaign"

ADD_SINGLE_MESSAGE = """
    insert into single_message (campaign_id, line, row, asked_by) values (:campaign, :line, cast(:row as jsonb), :actor)
"""

# The active feeds of some teams and of those below them, by their full names, each with the last file that came to it.
FEED_OVERVIEWS = f"""
    select f.id, t.path as team, f.name, f.template_id, p.name as template, g.name as category, f.folder,
        s.name as sftp_server, f.schedule, f.settings, f.default_country, f.created_at, f.provisioned_by,
        r.id as file_id, r.name as file_name, r.state as file_state, r.received_at, c.key as campaign,
        c.state as campaign_state
    from feed f
    join team t on t.id = f.team_id
    left join template p on p.id = f.template_id
    left join category g on g.id = p.category_id
    left join sftp_server s on s.id = f.sftp_server_id
    left join lateral (
        select id, name, state, received_at, campaign_id from received_file
        where feed_id = f.id and state <> 'answer'
        order by id desc
        limit 1
    ) r on true
    left join campaign c on c.id = r.campaign_id
    where f.active and f.team_id in ({TEAMS_AT_OR_BELOW})
      and (cast(:id as integer) is null or f.id = :id)
      and (cast(:template as integer) is null or f.template_id = :template)
      and (not :to_upload or coalesce(f.settings ->> 'kind', 'messages') = 'messages' or exists (
          select from jsonb_array_elements_text(cast(:kinds as jsonb) -> (f.settings ->> 'kind')) held(team)
          where held.team = '' or {AT_OR_BELOW.format(lower="t.path", upper="held.team")}))
      and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
      and (cast(:search as text) is null or strpos(lower(f.name || ' ' || coalesce(p.name, '') || ' ' || coalesce(f.folder, '')), :search) > 0)
      and (cast(:after_name as text) is null or (t.path || '/' || f.name, f.id) > (:after_name, :after_id))
    order by t.path || '/' || f.name, f.id
    limit :limit
"""  # noqa: S608 - the part is a constant

# Where the campaign of a file stands; of one that went into the address book, the same as far as it goes.
_CAMPAIGN_STATE = """
    coalesce(c.state, case i.state when 'received' then 'checking' when 'checked' then 'awaiting_approval'
        when 'applied' then 'finished' when 'undone' then 'finished' when 'discarded' then 'cancelled'
        when 'refused' then 'stopped' end)
"""

# Files that came, the newest first: of some teams and of those below them; no answers.
UPLOADS = f"""
    select r.id, r.name, r.size, r.sha256, r.source, r.state, r.problem, r.received_at, r.received_by, r.corrects_id,
        r.team_id, t.path as team, t.time_zone, r.feed_id, f.name as feed, s.name as sftp_server, c.id as campaign_id,
        c.key as campaign, {_CAMPAIGN_STATE} as campaign_state, coalesce(c.counts, '{{}}'::jsonb) as counts,
        coalesce(f.settings ->> 'kind', 'messages') as feed_kind, i.id as import_id,
        coalesce(c.problem, i.problem) as campaign_problem, c.scheduled_at, c.local_start, c.cut_off_at
    from received_file r
    join team t on t.id = r.team_id
    left join feed f on f.id = r.feed_id
    left join sftp_server s on s.id = r.sftp_server_id
    left join campaign c on c.id = r.campaign_id
    left join contact_import i on i.received_file_id = r.id
    where r.state <> 'answer' and r.team_id in ({TEAMS_AT_OR_BELOW})
      and (cast(:id as integer) is null or r.id = :id)
      and (cast(:feed as integer) is null or r.feed_id = :feed)
      and (cast(:template as integer) is null
        or r.feed_id in (select id from feed where template_id = cast(:template as integer)))
      and (cast(:corrects as integer) is null or r.corrects_id = :corrects)
      and (cast(:source as text) is null or r.source = :source)
      and (cast(:by as text) is null or r.received_by = :by)
      and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.'))
      and (cast(:search as text) is null or strpos(lower(r.name || ' ' || coalesce(f.name, '')), :search) > 0)
      and (cast(:since as timestamptz) is null or r.received_at >= :since)
      and (cast(:until as timestamptz) is null or r.received_at < :until)
      and (cast(:file_states as text[]) is null or r.state = any(:file_states))
      and (cast(:campaign_states as text[]) is null or {_CAMPAIGN_STATE} = any(:campaign_states))
      and (cast(:before as integer) is null or r.id < :before)
    order by r.id desc
    limit :limit
"""  # noqa: S608 - the part is a constant

# The files of a campaign, in the order in which they came.
FILES_OF_CAMPAIGN = """
    select r.id, r.name, r.source, s.name as server, r.size, r.sha256, r.state, r.problem, r.received_at, r.answered_at,
        r.archived_at
    from received_file r left join sftp_server s on s.id = r.sftp_server_id
    where r.campaign_id = :campaign and r.state <> 'answer'
    order by r.id limit :limit
"""

REGISTERED_PATHS = """
    select stored_path from received_file where stored_path = any(:paths)
    union select stored_path from contact_import where stored_path = any(:paths)
    union select stored_path from campaign_list where stored_path = any(:paths)
    union select path from send_draft where path = any(:paths)
"""

# Imports with which the background goes on. The command line looks at its own where they came in.
IMPORTS_TO_CARRY_OUT = """
    select id from contact_import
    where state in ('applying', 'undoing') or (state = 'received' and (feed_id is not null or source <> 'command'))
        or (state = 'checked' and feed_id is not null and waits_for is null and forgotten_at is null)
    order by id limit :limit
"""

ORDER_IMPORT = """
    update contact_import set state = :state, ordered_by = :by, although = :although, progress = null where id = :id
"""

# Only of one that is to be applied: whoever dropped it meanwhile has decided.
IMPORT_WAITS = """
    update contact_import set state = 'checked', waits_for = cast(:waits as jsonb), although = false
    where id = :id and state in ('checked', 'applying')
"""

IMPORT_PROGRESS = "update contact_import set progress = cast(:progress as jsonb) where id = :id"

# --- Sends from the desk ---

_DRAFTS = """
    select d.id, d.team_id, t.path as team, t.time_zone, d.template_version_id, v.version, p.id as template_id, p.name as template,
        pt.path as template_team, g.name as category, d.source, d.source_id, d.name, d.path, d.size, d.sha256, d.start_at, d.local_start,
        d.shown, d.shown_hash, d.shown_at, d.trials, d.campaign_id, d.created_by, d.expires_at,
        (select max(version) from template_version n where n.template_id = p.id) > v.version as outdated, now() as now
    from send_draft d
    join team t on t.id = d.team_id
    join template_version v on v.id = d.template_version_id
    join template p on p.id = v.template_id
    join team pt on pt.id = p.team_id
    join category g on g.id = p.category_id
    where d.id = :id and d.created_by = :by
"""
DRAFT = _DRAFTS
DRAFT_LOCKED = f"{_DRAFTS} for update of d"

# Teams for which a permission is held that may use the templates of another one: it, and those below it.
TEAMS_TO_SEND_BY = f"""
    select t.path from team t
    where t.id in ({TEAMS_AT_OR_BELOW}) and {AT_OR_BELOW.format(lower="t.path", upper="cast(:upper as text)")}
    order by t.path limit :limit
"""  # noqa: S608 - the parts are constants

DISCARD_DRAFT = "delete from send_draft where id = :id and campaign_id is null returning path"

MAKE_DRAFT = """
    insert into send_draft (team_id, template_version_id, source, source_id, name, path, size, sha256, created_by, expires_at)
    values (:team, :version, :source, :source_id, :name, :path, :size, :sha256, :by, now() + make_interval(secs => :kept_s))
    returning id
"""

SHOW_DRAFT = """
    update send_draft
    set shown = cast(:shown as jsonb), shown_hash = :hash, shown_at = now(), sha256 = :sha256, start_at = :start,
        local_start = :local, template_version_id = :version, expires_at = now() + make_interval(secs => :kept_s)
    where id = :id and campaign_id is null
"""

# What was shown of people goes; what was counted stays beside the campaign.
DRAFT_SENT = """
    update send_draft set campaign_id = :campaign, shown = shown - 'previews' - 'verdict',
        expires_at = now() + make_interval(days => :days)
    where id = :id
"""

COUNT_TRIAL = "update send_draft set trials = trials + 1 where id = :id returning trials"

CATEGORY_OF_VERSION = """
    select p.category_id, now() from template_version v join template p on p.id = v.template_id where v.id = :version
"""

EXPIRED_DRAFTS = """
    delete from send_draft where id in (
        select id from send_draft where expires_at < now() order by expires_at limit 500 for update skip locked)
    returning path, campaign_id
"""
