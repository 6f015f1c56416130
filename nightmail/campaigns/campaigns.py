"""Campaigns: made, moved from state to state, paused, resumed, cancelled. The campaign's state is the gate of sending.

Functions that take a :class:`~sqlalchemy.Connection` belong to the caller's transaction; functions that take an
:class:`~sqlalchemy.Engine` commit by themselves, since others must see what they did at once. Every change of state
leaves an audit row, and the database refuses a change that :mod:`nightmail.store.states` does not allow.

>>> with engine.begin() as connection:
...     campaign = create_campaign(connection, team_id=3, template_version_id=1, category_id=1, source="api", actor="api")
>>> campaign.key
'2026-11-23.acme.billing.7f3a9c'
"""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from nightmail.errors import UsageError
from nightmail.forecasts.finish_forecast import AT_RISK, FinishForecast, forecast_of_ledger
from nightmail.message_ids import campaign_keys, line_keys
from nightmail.sending.routes import USABLE_ACCOUNTS
from nightmail.store.states import CAMPAIGN_TRANSITIONS, CampaignState, MessageState

ORDINARY_PRIORITY = 5
URGENT_PRIORITY = 0
PREPARABLE = (CampaignState.RECEIVED,)
"""States from which a preparing run may start."""
LINES_AT_ONCE = 20_000

_COLUMNS = """
    c.id, c.key, c.token, c.team_id, t.path as team, c.feed_id, f.name as feed, c.template_version_id, c.category_id,
    g.name as category, coalesce((c.settings ->> 'needs_consent')::boolean, g.needs_consent) as needs_consent,
    g.resend_if_absent, c.state, c.source, c.priority,
    c.settings, c.counts, c.problem, c.scheduled_at, c.cut_off_at, c.accepts_until, c.prepare_attempts, c.run_id,
    c.ledger_month, c.loaded_at, c.first_hand_off_at, c.finished_at, c.sends_written_at, c.ledger_changed_at,
    c.created_at, c.state_changed_at
"""
_FROM = """
    from campaign c join team t on t.id = c.team_id join category g on g.id = c.category_id
    left join feed f on f.id = c.feed_id
"""


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as the database has it, with the names of its team, feed and category."""

    id: int
    key: str
    token: str
    team_id: int
    team: str
    feed_id: int | None
    feed: str | None
    template_version_id: int
    category_id: int
    category: str
    needs_consent: bool
    """As the feed says, else the category."""
    resend_if_absent: bool
    state: CampaignState
    source: str
    priority: int
    settings: dict[str, Any] = field(repr=False)
    counts: dict[str, Any] = field(repr=False)
    problem: dict[str, Any] | None = field(repr=False)
    scheduled_at: dt.datetime | None
    cut_off_at: dt.datetime | None
    accepts_until: dt.datetime | None
    prepare_attempts: int
    run_id: str | None
    ledger_month: dt.date | None
    loaded_at: dt.datetime | None
    first_hand_off_at: dt.datetime | None
    finished_at: dt.datetime | None
    sends_written_at: dt.datetime | None
    ledger_changed_at: dt.datetime | None
    created_at: dt.datetime
    state_changed_at: dt.datetime

    @property
    def frozen(self) -> bool:
        """Whether a message was handed off: from then on the partitions before ``sends`` never change."""
        return self.first_hand_off_at is not None


@dataclass(frozen=True, slots=True)
class Stopped:
    """What pausing or cancelling left unsent, by state: told to whoever asked for it."""

    campaign: CampaignRow
    not_sent: int
    """Messages that will not be handed off (cancelled) or wait (paused)."""
    under_way: int
    """Messages whose hand-off had begun; their outcome follows within seconds."""


def _row(row: Row[Any]) -> CampaignRow:
    values = dict(row._mapping)
    values["state"] = CampaignState(values["state"])
    return CampaignRow(**values)


def find_campaign(connection: Connection, campaign: str | int) -> CampaignRow | None:
    """The campaign of a key or an id, or ``None``."""
    column = "id" if isinstance(campaign, int) else "key"
    row = connection.execute(text(f"select {_COLUMNS} {_FROM} where c.{column} = :value"), {"value": campaign}).first()
    return None if row is None else _row(row)


def get_campaign(connection: Connection, campaign: str | int) -> CampaignRow:
    """The campaign of a key or an id. Raises :class:`UsageError` (``campaign_unknown``)."""
    found = find_campaign(connection, campaign)
    if found is None:
        raise UsageError(
            "campaign_unknown", f"There is no campaign {campaign}.", "List them with `nightmail campaigns`."
        )
    return found


def list_campaigns(
    connection: Connection,
    *,
    team_path: str | None = None,
    states: Iterable[CampaignState] = (),
    before_id: int | None = None,
    limit: int = 50,
) -> list[CampaignRow]:
    """Campaigns, newest first, of a team and what is under it (all by default), by pages of ``limit``."""
    conditions, values = ["true"], {"limit": min(limit, 1000)}  # type: tuple[list[str], dict[str, Any]]
    if team_path is not None:
        conditions.append("(t.path = :team or starts_with(t.path, :team || '.'))")
        values["team"] = team_path
    if wanted := [str(state) for state in states]:
        conditions.append("c.state = any(:states)")
        values["states"] = wanted
    if before_id is not None:
        conditions.append("c.id < :before")
        values["before"] = before_id
    query = f"select {_COLUMNS} {_FROM} where {' and '.join(conditions)} order by c.id desc limit :limit"
    return [_row(row) for row in connection.execute(text(query), values)]


def audit(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    team_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write one audit row; ``detail`` must hold no personal data."""
    connection.execute(
        text(
            "insert into audit (month, actor, action, object, team_id, detail) values "
            "(date_trunc('month', now() at time zone 'UTC')::date, :actor, :action, :object, :team, cast(:detail as jsonb))"
        ),
        {
            "actor": actor,
            "action": action,
            "object": subject,
            "team": team_id,
            "detail": json.dumps(dict(detail or {}), default=str),
        },
    )


def priority_of(*, urgent: bool) -> int:
    """The priority that the messages of a category have where a feed states none; smaller goes first."""
    return URGENT_PRIORITY if urgent else ORDINARY_PRIORITY


def create_campaign(
    connection: Connection,
    *,
    team_id: int,
    template_version_id: int,
    category_id: int,
    source: str,
    actor: str,
    feed_id: int | None = None,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    priority: int | None = None,
    scheduled_at: dt.datetime | None = None,
    cut_off_at: dt.datetime | None = None,
    accepts_until: dt.datetime | None = None,
) -> CampaignRow:
    """Make a campaign in state ``received``; sensors see it and prepare it.

    ``source`` is ``sftp``, ``api``, ``portal``, ``command`` or ``single`` (an open campaign of single messages, with
    ``accepts_until``). ``name`` goes into the key, by default the feed's name. A category that is urgent gives
    priority 0, any other 5; smaller goes first.
    """
    found = connection.execute(
        text(
            "select t.path, t.time_zone, f.name as feed, g.urgent, now() as now from team t join category g on g.id = :category "
            "left join feed f on f.id = :feed where t.id = :team"
        ),
        {"team": team_id, "category": category_id, "feed": feed_id},
    ).one()
    if priority is None:
        priority = priority_of(urgent=found.urgent)
    label = re.sub(r"[^a-z0-9_]+", "_", (name or found.feed or "").lower()).strip("_")[:60]
    stem = found.path if not label or found.path.rsplit(".", 1)[-1] == label else f"{found.path}.{label}"
    while True:
        token = f"c{secrets.token_hex(5)}"
        key = f"{found.now.astimezone(dt.UTC):%Y-%m-%d}.{stem}.{token[1:7]}"
        number = connection.scalar(
            text(
                "insert into campaign (key, token, team_id, feed_id, template_version_id, category_id, source, priority,"
                " settings, scheduled_at, cut_off_at, accepts_until) values (:key, :token, :team, :feed, :version,"
                " :category, :source, :priority, cast(:settings as jsonb), :scheduled, :cut_off, :accepts)"
                " on conflict do nothing returning id"
            ),
            {
                "key": key,
                "token": token,
                "team": team_id,
                "feed": feed_id,
                "version": template_version_id,
                "category": category_id,
                "source": source,
                "priority": priority,
                "settings": json.dumps(dict(settings or {}), default=str),
                "scheduled": scheduled_at,
                "cut_off": cut_off_at,
                "accepts": accepts_until,
            },
        )
        if number is not None:
            break
    audit(connection, actor=actor, action="campaign.created", subject=key, team_id=team_id, detail={"source": source})
    return get_campaign(connection, int(number))


def move(
    connection: Connection,
    campaign_id: int,
    to: CampaignState,
    *,
    actor: str,
    problem: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> CampaignRow:
    """Move a campaign on, with an audit row; gives the campaign as it is now.

    Nothing happens when it is in that state already. Raises :class:`UsageError` (``campaign_state``) for a move that is
    not allowed. ``problem`` (``reason, message, remedy``) is kept with the campaign and shown to its owners.
    """
    row = connection.execute(
        text("select key, team_id, state from campaign where id = :id for update"), {"id": campaign_id}
    ).first()
    if row is None:
        raise UsageError(
            "campaign_unknown", f"There is no campaign {campaign_id}.", "List them with `nightmail campaigns`."
        )
    before = CampaignState(row.state)
    if before != to:
        if to not in CAMPAIGN_TRANSITIONS[before]:
            raise UsageError(
                "campaign_state",
                f"The campaign {row.key} is {before.replace('_', ' ')} and cannot become {to.replace('_', ' ')}.",
                "Look at its state first.",
                state=str(before),
            )
        connection.execute(
            text(
                "update campaign set state = :to, ledger_changed_at = now(), "
                "problem = coalesce(cast(:problem as jsonb), case when :to = 'stopped' then problem end), "
                "finished_at = case when :to in ('finished', 'cancelled') then now() end where id = :id"
            ),
            {"id": campaign_id, "to": str(to), "problem": json.dumps(dict(problem)) if problem else None},
        )
        audit(
            connection,
            actor=actor,
            action=f"campaign.{to}",
            subject=row.key,
            team_id=row.team_id,
            detail={"from": str(before), **(detail or {}), **({"reason": problem.get("reason")} if problem else {})},
        )
    return get_campaign(connection, campaign_id)


def begin_preparing(connection: Connection, campaign_id: int, run_id: str) -> CampaignRow:
    """Take a received campaign (or one whose run crashed) for a preparing run: state ``checking``, one more attempt."""
    campaign = move(connection, campaign_id, CampaignState.CHECKING, actor=f"run:{run_id}")
    connection.execute(
        text("update campaign set run_id = :run, prepare_attempts = prepare_attempts + 1 where id = :id"),
        {"run": run_id, "id": campaign.id},
    )
    return get_campaign(connection, campaign.id)


def campaigns_to_prepare(connection: Connection, limit: int = 100) -> list[CampaignRow]:
    """Received campaigns for which a preparing run is to be started, oldest first.

    An open campaign of single messages counts once it no longer accepts any.
    """
    query = f"""
        select {_COLUMNS} {_FROM}
        where c.state = 'received' and (c.accepts_until is null or c.accepts_until <= now())
        order by c.priority, c.id limit :limit
    """
    return [_row(row) for row in connection.execute(text(query), {"limit": limit})]


def record_counts(connection: Connection, campaign_id: int, counts: Mapping[str, Any]) -> None:
    """Merge ``counts`` (rows, rejects, duplicates, contacts, planned, held, messages, ...) into the campaign's."""
    connection.execute(
        text("update campaign set counts = counts || cast(:counts as jsonb) where id = :id"),
        {"id": campaign_id, "counts": json.dumps(dict(counts), default=str)},
    )


def record_forecast(
    connection: Connection, campaign: CampaignRow, forecast: FinishForecast, *, estimated: bool = False
) -> None:
    """Keep a forecast with its campaign, and tell people of one that ends after its cut-off.

    An estimate, made before the messages are counted, alerts nobody: whoever asked for it is told.
    """
    record_counts(
        connection,
        campaign.id,
        {"finishes_by": forecast.finishes_by, "late": forecast.late, "finish_estimated": estimated},
    )
    if estimated:
        return
    subject = f"campaign:{campaign.key}"
    if (warning := forecast.warning) is not None:
        raise_alert(
            connection,
            reason=AT_RISK,
            subject=subject,
            message=f"{warning['message']} {warning['remedy']}",
            team_id=campaign.team_id,
            campaign_id=campaign.id,
        )
    else:
        connection.execute(
            text(
                "update alert set resolved_at = now() where resolved_at is null and reason = :reason and subject = :subject"
            ),
            {"reason": AT_RISK, "subject": subject},
        )


def forecast_ending(connection: Connection, campaign_id: int, now: dt.datetime) -> FinishForecast:
    """Say when a campaign ends whose ledger is loaded: :func:`record_forecast` of what it has left."""
    found = get_campaign(connection, campaign_id)
    made, work = forecast_of_ledger(connection, found, now)
    record_forecast(connection, found, made)
    if not found.frozen:
        # What a later file of the feed is estimated by.
        record_counts(connection, found.id, {"units": work.units_by_channel()})
    return made


def _begun_anew(engine: Engine, campaign: CampaignRow) -> CampaignRow:
    """The campaign with a forecast from now on: it begins later than when its ledger was loaded.

    By itself, after the order has taken effect: to count a large ledger takes a moment.
    """
    if campaign.loaded_at is None:
        return campaign
    with engine.begin() as connection:
        forecast_ending(connection, campaign.id, connection.scalars(text("select now()")).one())
        return get_campaign(connection, campaign.id)


def state_after_loading(campaign: CampaignRow, now: dt.datetime, *, needs_approval: bool = False) -> CampaignState:
    """Where a prepared campaign goes: to approval, to its schedule, or straight to sending."""
    if needs_approval:
        return CampaignState.AWAITING_APPROVAL
    if campaign.scheduled_at is not None and campaign.scheduled_at > now:
        return CampaignState.SCHEDULED
    return CampaignState.SENDING


def approve(engine: Engine, campaign: str | int, *, actor: str) -> CampaignRow:
    """Let a campaign that awaits approval go: to its schedule, or straight to sending."""
    with engine.begin() as connection:
        found = get_campaign(connection, campaign)
        now = connection.scalar(text("select now()"))
        assert now is not None
        if found.state not in (CampaignState.AWAITING_APPROVAL, CampaignState.READY):
            raise UsageError(
                "campaign_state",
                f"The campaign {found.key} is {found.state.replace('_', ' ')} and does not await approval.",
                "Look at its state first.",
                state=str(found.state),
            )
        moved = move(connection, found.id, state_after_loading(found, now), actor=actor)
    return _begun_anew(engine, moved)


def release_scheduled(engine: Engine, *, actor: str = "schedule") -> list[str]:
    """Move scheduled campaigns whose time has come to ``sending``; gives their keys."""
    with engine.begin() as connection:
        due = connection.execute(
            text(
                "select id, key from campaign where state = 'scheduled' and coalesce(scheduled_at, now()) <= now() "
                "order by priority, id limit 1000 for update skip locked"
            )
        ).all()
        for row in due:
            move(connection, row.id, CampaignState.SENDING, actor=actor)
    return [row.key for row in due]


def _unsent(connection: Connection, campaign: CampaignRow) -> tuple[int, int]:
    row = connection.execute(
        text(
            "select (select count(*) from message where campaign_id = :id and state in ('queued', 'standby')), "
            "(select count(*) from message where campaign_id = :id and state = 'handing_over')"
        ),
        {"id": campaign.id},
    ).one()
    return int(row[0]), int(row[1])


def pause(engine: Engine, campaign: str | int, *, actor: str) -> Stopped:
    """Pause a campaign; senders stop handing off its messages within a second."""
    with engine.begin() as connection:
        moved = move(connection, get_campaign(connection, campaign).id, CampaignState.PAUSED, actor=actor)
    with engine.connect() as connection:
        waiting, under_way = _unsent(connection, moved)
    return Stopped(moved, waiting, under_way)


def resume(engine: Engine, campaign: str | int, *, actor: str) -> CampaignRow:
    """Let a paused campaign go on: back to its schedule, or to sending."""
    with engine.begin() as connection:
        found = get_campaign(connection, campaign)
        if found.state != CampaignState.PAUSED:
            raise UsageError(
                "campaign_state",
                f"The campaign {found.key} is {found.state.replace('_', ' ')}, not paused.",
                "Only a paused campaign can be resumed.",
                state=str(found.state),
            )
        now = connection.scalar(text("select now()"))
        assert now is not None
        moved = move(connection, found.id, state_after_loading(found, now), actor=actor)
    return _begun_anew(engine, moved)


def cancel(engine: Engine, campaign: str | int, *, actor: str) -> Stopped:
    """Cancel a campaign for good: what was not handed off never will be.

    The campaign's state is committed first, which stops the senders within a second; its messages follow in chunks. A
    crash in between is made good by :func:`nightmail.sending.advance.advance_ledger`.
    """
    with engine.begin() as connection:
        moved = move(connection, get_campaign(connection, campaign).id, CampaignState.CANCELLED, actor=actor)
    end_unsent(engine, moved.id, MessageState.CANCELLED, "campaign_cancelled")
    with engine.connect() as connection:
        _, under_way = _unsent(connection, moved)
        cancelled = connection.scalar(
            text("select count(*) from message where campaign_id = :id and state = 'cancelled'"), {"id": moved.id}
        )
    return Stopped(moved, int(cancelled or 0), under_way)


_END_UNSENT = """
with chosen as materialized (
    select message_key from message where ledger_month = :month and message_key between :first and :last
    and state in ('queued', 'standby') for update skip locked
)
update message m set state = :state, reason = :reason from chosen s
where m.ledger_month = :month and m.message_key = s.message_key
"""


def end_unsent(engine: Engine, campaign_id: int, state: MessageState, reason: str) -> int:
    """Give up what a campaign has not handed off, by some lines of its file after the other; gives how many.

    What a sender has in hand at this moment is passed over, and given up another time if it comes back.
    """
    first, last = campaign_keys(campaign_id)
    with engine.connect() as connection:
        month, end = connection.execute(
            text(
                "select c.ledger_month, (select max(message_key) from message m where m.ledger_month = c.ledger_month "
                "and m.message_key between :first and :last) from campaign c where c.id = :id"
            ),
            {"id": campaign_id, "first": first, "last": last},
        ).one()
    step = line_keys(campaign_id, LINES_AT_ONCE)[0] - first
    total = 0
    for start in range(first, (end or 0) + 1, step):
        values = {"month": month, "first": start, "last": start + step - 1, "state": str(state), "reason": reason}
        with engine.begin() as connection:
            total += connection.execute(text(_END_UNSENT), values).rowcount
    if total:
        note_changes(engine, [campaign_id])
    return total


def note_changes(engine: Engine, campaigns: Iterable[int]) -> None:
    """Say that the ledgers of campaigns changed, so that ``sends`` is written again.

    In a transaction after the change's own: whoever wrote ``sends`` without seeing the change began before this.
    """
    with engine.begin() as connection:
        connection.execute(
            text("update campaign set ledger_changed_at = now() where id = any(:ids)"), {"ids": sorted(set(campaigns))}
        )


def stop(engine: Engine, campaign: str | int, *, actor: str, problem: Mapping[str, Any]) -> CampaignRow:
    """Stop a campaign because of a problem (``reason, message, remedy``): a failed check, a file out of contract."""
    with engine.begin() as connection:
        return move(
            connection, get_campaign(connection, campaign).id, CampaignState.STOPPED, actor=actor, problem=problem
        )


_DUE_WORK = f"""
select count(*) filter (where n > 0), coalesce(sum(n), 0) from (
    select (select count(*) from (
        select from message m where m.campaign_id = c.id and m.state = 'queued' and m.due_at <= now()
        and m.channel = any(usable.channels) limit :limit) due) as n
    from campaign c join team t on t.id = c.team_id cross join lateral (
        select array_agg(distinct a.channel) as channels from {USABLE_ACCOUNTS}
        and not exists (
            select from suspension s left join team st on st.id = s.team_id
            where s.lifted_at is null and s.channel = a.channel
            and (st.id is null or t.path = st.path or starts_with(t.path, st.path || '.'))
            and (s.carrier_account_id is null or s.carrier_account_id = a.id)
            and (s.sender is null or s.sender = own.address))
        and not exists (
            select from pace p where p.carrier_account_id = a.id and p.blocked_until > now() + interval '30 s'
            and (p.sender = '' or p.sender = own.address))
    ) usable
    where c.state = 'sending' and (c.cut_off_at is null or c.cut_off_at > now())
) counted
"""  # noqa: S608 - the part is a constant


@dataclass(frozen=True, slots=True)
class DueWork:
    """What senders would find now: for the sensor that keeps them running."""

    campaigns: int
    """Campaigns in state ``sending`` with at least one due message that may be handed off."""
    messages: int
    """Due messages, counted up to ``limit`` per campaign."""
    senders: int
    """Senders at work."""


def due_work(connection: Connection, limit: int = 1000) -> DueWork:
    """How much senders have to do: two bounded, indexed queries, cheap enough for every sensor tick.

    What only waits does not count: for a suspension to be lifted, a carrier account or a sender on it to be made, a long
    ``Retry-After``.
    """
    row = connection.execute(text(_DUE_WORK), {"limit": limit}).one()
    senders = connection.scalar(text("select count(*) from sender_run where finished_at is null"))
    return DueWork(int(row[0]), int(row[1]), int(senders or 0))


_COUNTS = """
select coalesce(c.loaded_messages, (select count(*) from message m
    where m.ledger_month = c.ledger_month and m.message_key between :first and :last)) as loaded, s.state, s.found
from campaign c cross join lateral (
    select state, count(*) as found from message m
        where m.campaign_id = c.id and m.state not in ('handing_over', 'accepted') group by state
    union all select 'handing_over', count(*) from message m where m.campaign_id = c.id and m.state = 'handing_over'
) s
where c.id = :id and (
    select true from message m where m.ledger_month = c.ledger_month and m.message_key between :first and :last
    order by m.message_key limit 1)
"""


def message_counts(connection: Connection, campaign_id: int) -> dict[str, int]:
    """Messages of a campaign by state; the sum is the number of messages planned. Nothing without a ledger.

    Most messages are accepted, and those are not counted: they are what is left of all that was loaded.
    """
    first, last = campaign_keys(campaign_id)
    # What was just sent looks to the planner as it was loaded, wholly unaccepted, for which it would read the whole month.
    connection.execute(text("set local enable_seqscan = off"))
    rows = connection.execute(text(_COUNTS), {"id": campaign_id, "first": first, "last": last}).all()
    connection.execute(text("set local enable_seqscan to default"))
    counts = {row.state: int(row.found) for row in rows if row.found}
    if rows and (accepted := rows[0].loaded - sum(counts.values())):
        counts["accepted"] = accepted
    return counts


def sends_to_write(connection: Connection, interval_s: int, limit: int = 20) -> list[CampaignRow]:
    """Campaigns whose ``sends`` partition is behind the ledger: finished ones at once, others every ``interval_s``."""
    query = f"""
        select {_COLUMNS} {_FROM}
        where c.loaded_at is not null and c.ledger_changed_at > coalesce(c.sends_written_at, '-infinity')
          and (c.sends_written_at is null or c.state in ('finished', 'cancelled')
               or c.sends_written_at < now() - make_interval(secs => :interval))
        order by c.ledger_changed_at limit :limit
    """
    return [_row(row) for row in connection.execute(text(query), {"interval": interval_s, "limit": limit})]


# --- Channels ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SuspensionRow:
    """A channel that is not used for now."""

    id: int
    channel: str
    team_id: int | None
    carrier_account_id: int | None
    sender: str | None
    reason: str
    by: str
    since: dt.datetime
    team: str | None = None
    """The team's path, where suspensions are listed; ``None``: all teams."""
    carrier_account: str | None = None
    """The account's name, where suspensions are listed; ``None``: all accounts of the channel."""


def suspend_channel(
    engine: Engine,
    channel: str,
    *,
    reason: str,
    by: str,
    team_id: int | None = None,
    carrier_account_id: int | None = None,
    sender: str | None = None,
) -> SuspensionRow:
    """Stop using a channel, for a team or (``None``) for all, or only one carrier account or sender of it.

    Messages wait, or go over the next carrier account of the channel where only one account is suspended. Suspending
    what is suspended changes nothing.
    """
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.suspension'))"))
        values = {"channel": channel, "team": team_id, "account": carrier_account_id, "sender": sender}
        columns = 'id, channel, team_id, carrier_account_id, sender, reason, "by", since'
        row = connection.execute(
            text(
                f"select {columns} from suspension where lifted_at is null and channel = :channel "  # noqa: S608
                "and team_id is not distinct from :team and carrier_account_id is not distinct from :account "
                "and sender is not distinct from :sender"
            ),
            values,
        ).first()
        if row is None:
            row = connection.execute(
                text(
                    'insert into suspension (channel, team_id, carrier_account_id, sender, reason, "by") '  # noqa: S608
                    f"values (:channel, :team, :account, :sender, :reason, :by) returning {columns}"
                ),
                {**values, "reason": reason, "by": by},
            ).one()
            audit(
                connection,
                actor=by,
                action="channel.suspended",
                subject=channel,
                team_id=team_id,
                detail={"reason": reason, "carrier_account": carrier_account_id, "suspension": row.id},
            )
    return SuspensionRow(**row._mapping)


def waiting_for(connection: Connection, channel: str, team_id: int | None = None) -> int:
    """How many messages of campaigns under way are not handed off while a channel is suspended, for a team or for all."""
    return int(
        connection.scalar(
            text(
                "select coalesce(sum((select count(*) from message m where m.campaign_id = c.id and m.state = 'queued' "
                "and m.channel = :channel)), 0) from campaign c join team t on t.id = c.team_id "
                "left join team o on o.id = :team where c.state in ('sending', 'scheduled', 'paused') "
                "and (o.id is null or t.path = o.path or starts_with(t.path, o.path || '.'))"
            ),
            {"channel": channel, "team": team_id},
        )
        or 0
    )


def lift_suspension(engine: Engine, suspension_id: int, *, by: str) -> None:
    """Use a suspended channel again. Raises :class:`UsageError` (``suspension_unknown``) when it is not suspended."""
    with engine.begin() as connection:
        row = connection.execute(
            text(
                "update suspension set lifted_at = now() where id = :id and lifted_at is null "
                "returning channel, team_id, carrier_account_id"
            ),
            {"id": suspension_id},
        ).first()
        if row is None:
            raise UsageError(
                "suspension_unknown",
                f"There is no suspension {suspension_id} in force.",
                "List those in force and use one of their numbers.",
            )
        connection.execute(
            text("update alert set resolved_at = now() where resolved_at is null and subject = :subject"),
            {"subject": f"suspension:{suspension_id}"},
        )
        audit(connection, actor=by, action="channel.resumed", subject=row.channel, team_id=row.team_id)


def suspensions(connection: Connection) -> list[SuspensionRow]:
    """The suspensions in force."""
    rows = connection.execute(
        text(
            "select s.id, s.channel, s.team_id, s.carrier_account_id, s.sender, s.reason, s.by, s.since, "
            "t.path as team, a.name as carrier_account from suspension s left join team t on t.id = s.team_id "
            "left join carrier_account a on a.id = s.carrier_account_id "
            "where s.lifted_at is null order by s.since limit 1000"
        )
    )
    return [SuspensionRow(**row._mapping) for row in rows]


def raise_alert(
    connection: Connection,
    *,
    reason: str,
    subject: str,
    message: str,
    team_id: int | None = None,
    campaign_id: int | None = None,
    again: bool = True,
) -> None:
    """Tell people of something; the same ``reason`` and ``subject`` again only counts up until it is resolved.

    With ``again`` false it counts only when there is something else to tell: for what is looked at every few seconds.
    """
    connection.execute(
        text(
            "insert into alert (reason, subject, message, team_id, campaign_id) "
            "values (:reason, :subject, :message, :team, :campaign) "
            "on conflict (reason, subject) where resolved_at is null "
            "do update set times = alert.times + 1, last_at = now(), message = excluded.message "
            "where :again or alert.message <> excluded.message"
        ),
        {
            "reason": reason,
            "subject": subject,
            "message": message,
            "team": team_id,
            "campaign": campaign_id,
            "again": again,
        },
    )
