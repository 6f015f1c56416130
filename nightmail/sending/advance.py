"""What time and receipts have decided: dead senders, cut-offs, standby messages, finished campaigns.

Every statement here takes messages from a state that it names, so that it may run beside senders and be killed at any
point: the next call goes on. One process at a time works; the others return at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert, review_alerts
from nightmail.campaigns.campaign_rows import find_campaign, get_campaign
from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.campaigns.transitions import move_campaign, release_scheduled
from nightmail.campaigns.unsent_messages import end_unsent
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.message_ids import same_line
from nightmail.sending.outcomes import FALLBACK_WAIT_S
from nightmail.sending.sender_runs import lock_number
from nightmail.store.partitions import ensure_partitions, month_of
from nightmail.store.states import CampaignState, MessageState

CHUNK = 10_000
SETTLE_AFTER_S = 600
"""After so long without proof a message stays in doubt until a person decides, and its campaign may finish."""
RESTART_GRACE_S = 10
"""After the database server starts, senders that live get this long to lock their runs again."""


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one advance did."""

    released: int = 0
    """Scheduled campaigns that began."""
    in_doubt: int = 0
    """Messages whose sender died between intent and outcome."""
    expired: int = 0
    promoted: int = 0
    not_needed: int = 0
    finished: tuple[str, ...] = ()
    """Keys of campaigns that finished."""


def advance_ledger(engine: Engine) -> Advanced:
    """Move everything on that time or receipts have decided. Cheap when there is nothing; one process at a time works.

    Sensors call it at every tick (it also releases scheduled campaigns), and senders while they run.
    """
    with engine.connect() as lock:
        alone = lock.scalar(text("select pg_try_advisory_lock(hashtext('nightmail.advance'))"))
        lock.commit()
        if not alone:
            return Advanced()
        try:
            with engine.begin() as connection:
                now = connection.scalar(text("select now()"))
                assert now is not None
                ensure_partitions(connection, month_of(now))
            released = release_scheduled(engine)
            in_doubt = bury_dead_senders(engine)
            _finish_cancelling(engine)
            expired = _expire(engine)
            promoted, not_needed = _decide_standby(engine)
            if promoted:
                # All else of an earlier epoch was fenced by the restore itself.
                fence_earlier_epochs(engine)
            finished = _finish(engine)
            with engine.begin() as connection:
                review_alerts(connection)
        finally:
            lock.execute(text("select pg_advisory_unlock(hashtext('nightmail.advance'))"))
            lock.commit()
    return Advanced(len(released), in_doubt, expired, promoted, not_needed, tuple(finished))


def bury_dead_senders(engine: Engine) -> int:
    """Find senders whose lock is free though they did not end, and put their open intents in doubt; gives how many."""
    with engine.connect() as connection:
        runs = connection.execute(
            text(
                "select id from sender_run where finished_at is null "
                "and pg_postmaster_start_time() < now() - make_interval(secs => :grace) order by id limit 1000"
            ),
            {"grace": RESTART_GRACE_S},
        ).scalars()
        numbers = list(runs)
    total = 0
    for number in numbers:
        with engine.begin() as connection:
            # Held until the end of the transaction: a sender that lives cannot lock its run again in between.
            if not connection.scalar(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": lock_number(number)}):
                continue
            buried = _bury(connection, number)
        mark_ledgers_changed(engine, buried)
        total += len(buried)
    return total


def _bury(connection: Connection, sender_run_id: int) -> Sequence[int]:
    """Put in doubt what a dead sender had in hand; gives the campaign of each message."""
    ended = connection.execute(
        text("update sender_run set finished_at = now() where id = :run and finished_at is null"),
        {"run": sender_run_id},
    ).rowcount
    if not ended:
        return []
    doubtful = connection.scalars(
        text(
            "with doubtful as (update message set state = 'in_doubt', reason = 'in_doubt' "  # noqa: S608
            "where sender_run_id = :run and state = 'handing_over' "
            "returning ledger_month, message_key, campaign_id, attempts, carrier_account_id), "
            "attempts as (insert into attempt (ledger_month, message_key, number, sender_run_id, carrier_account_id, "
            "outcome, error_code, error_class) select ledger_month, message_key, attempts, :run, carrier_account_id, "
            "'in_doubt', 'sender', 'in_doubt' from doubtful on conflict do nothing), "
            "nudged as (update message s set due_at = now() from doubtful d where s.ledger_month = d.ledger_month "
            f"and s.state = 'standby' and {same_line('s.message_key', 'd.message_key')}) "
            "select campaign_id from doubtful"
        ),
        {"run": sender_run_id},
    ).all()
    # A receipt that came before the sender died is proof enough.
    accept_proven(connection, sender_run_id=sender_run_id)
    return doubtful


def accept_proven(connection: Connection, *, sender_run_id: int | None = None) -> Sequence[int]:
    """Accept messages in doubt of which a receipt has come: the carrier has them. Gives the campaign of each."""
    return connection.scalars(
        text(
            "with proven as (update message m set state = 'accepted', reason = null, "
            "handed_off_at = coalesce(m.handed_off_at, m.changed_at) "
            "where m.state = 'in_doubt' and m.delivery is not null "
            "and (cast(:run as bigint) is null or m.sender_run_id = :run) "
            "returning m.ledger_month, m.message_key, m.campaign_id, m.attempts, m.carrier_message_id), "
            "settled as (update attempt a set outcome = 'accepted', finished_at = now(), "
            "carrier_message_id = p.carrier_message_id from proven p "
            "where a.ledger_month = p.ledger_month and a.message_key = p.message_key and a.number = p.attempts) "
            "select campaign_id from proven"
        ),
        {"run": sender_run_id},
    ).all()


_FENCE = """
with old as (
    select m.ledger_month, m.message_key from message m, deployment d
    where m.state = 'queued' and m.epoch < d.epoch limit :chunk for update of m skip locked
)
update message m set state = 'in_doubt', reason = 'restored_from_backup', epoch = d.epoch
from old o, deployment d where m.ledger_month = o.ledger_month and m.message_key = o.message_key
"""


def fence_earlier_epochs(engine: Engine) -> int:
    """Put what came to be due in a restored database in doubt: the lost one may have sent it. Gives how many."""
    with engine.connect() as connection:
        if not connection.scalar(text("select epoch > 1 from deployment")):
            return 0
    total = 0
    count = CHUNK
    while count == CHUNK:
        with engine.begin() as connection:
            count = connection.execute(text(_FENCE), {"chunk": CHUNK}).rowcount
        total += count
    return total


_HAS_UNSENT = (
    "(select true from message m where m.campaign_id = c.id and m.state in ('queued', 'standby') "
    "order by m.campaign_id, m.state limit 1)"
)
"""By limit and order: one look into an index."""


def _finish_cancelling(engine: Engine) -> None:
    """Go on with cancelling where a command was cut off."""
    with engine.connect() as connection:
        unfinished = connection.execute(
            text(
                "select c.id from campaign c where c.state = 'cancelled' and c.loaded_at is not null "  # noqa: S608
                f"and c.state_changed_at > now() - interval '35 days' and {_HAS_UNSENT}"
            )
        ).scalars()
        campaigns = list(unfinished)
    for campaign_id in campaigns:
        end_unsent(engine, campaign_id, MessageState.CANCELLED, "campaign_cancelled")


def _expire(engine: Engine) -> int:
    """Drop what was not handed off by its campaign's cut-off."""
    with engine.connect() as connection:
        over = connection.scalars(
            text(
                "select c.id from campaign c where c.state in ('sending', 'paused', 'scheduled') "  # noqa: S608
                f"and c.cut_off_at <= now() and c.loaded_at is not null and {_HAS_UNSENT}"
            )
        ).all()
    return sum(end_unsent(engine, campaign_id, MessageState.EXPIRED, "past_cut_off") for campaign_id in over)


DECLINED = ["opted_out", "category_opted_out", "consent_missing"]
"""Holds by the contact's own will: who said STOP to a text message is not called instead."""

_ASKED_FOR = f"""exists (
    select from suppression s left join team o on o.id = s.team_id
    where s.address_hash = e.address_hash and s.channel = e.channel and s.lifted_at is null and {IS_ASKED_FOR}
        and (o.id is null or d.team = o.path or starts_with(d.team, o.path || '.'))
        and (s.category is null or s.category = d.category))"""
_STANDBY = f"""
with due as materialized (
    select m.ledger_month, m.message_key, m.step, c.settings, t.path as team, g.name as category
    from campaign c join team t on t.id = c.team_id join category g on g.id = c.category_id
        join message m on m.campaign_id = c.id and m.state = 'standby' and m.due_at <= now()
    where c.state in ('sending', 'paused') limit :chunk for update of m skip locked
), seen as materialized (
    select d.ledger_month, d.message_key, d.settings,
        bool_or(e.state = 'accepted' and e.delivery = any(:reached)) as reached,
        bool_or(e.step < d.step and e.state in ('standby', 'queued', 'handing_over')) as busy,
        bool_or(e.step < d.step and e.state = 'cancelled') as cancelled,
        max(case when e.state = 'held' and e.reason = any(:declined) then e.reason
                 when {_ASKED_FOR} then 'opted_out' end) filter (where e.step < d.step) as declined,
        max(coalesce(e.handed_off_at, e.changed_at)) filter (where e.step < d.step and (e.state = 'in_doubt'
            or e.state = 'accepted' and (e.delivery is null or not e.delivery = any(:not_reached)))) as waiting_since
    from due d join message e on e.ledger_month = d.ledger_month and e.message_key <> d.message_key
        and {same_line("e.message_key", "d.message_key")}
    group by d.ledger_month, d.message_key, d.settings
), judged as (
    select d.ledger_month, d.message_key, case
        when s.reached then 'not_needed'
        when s.cancelled then 'cancelled'
        when s.declined is not null then 'held'
        when s.busy then 'later'
        when s.waiting_since is null then 'queued'
        when d.settings ->> 'delivery' = 'escalation' then case
            when s.waiting_since + make_interval(
                secs => coalesce((d.settings ->> 'escalate_after_s')::float8, 900)) <= now() then 'queued' else 'wait' end
        when s.waiting_since + make_interval(secs => :fallback) <= now() then 'not_needed'
        else 'wait' end as verdict,
        s.waiting_since + make_interval(secs => case when d.settings ->> 'delivery' = 'escalation'
            then coalesce((d.settings ->> 'escalate_after_s')::float8, 900) else :fallback end) as next_look,
        s.declined
    from due d left join seen s using (ledger_month, message_key)
), changed as (
    update message m set
        state = case when j.verdict in ('later', 'wait') then m.state else j.verdict end,
        reason = case j.verdict when 'not_needed' then 'earlier_channel_delivered'
                                when 'cancelled' then 'campaign_cancelled'
                                when 'held' then j.declined end,
        due_at = case j.verdict when 'later' then timestamptz '2999-01-01 00:00:00+00'
                                when 'wait' then j.next_look else now() end
    from judged j where m.ledger_month = j.ledger_month and m.message_key = j.message_key
    returning j.verdict, m.campaign_id
)
select verdict, count(*), array_agg(distinct campaign_id) from changed group by verdict
"""  # noqa: S608 - the part is a function of constants


def _decide_standby(engine: Engine) -> tuple[int, int]:
    """Let standby messages take over, or see that they are not needed; gives how many of each."""
    totals = {"queued": 0, "not_needed": 0}
    values = {
        "chunk": CHUNK,
        "reached": [str(status) for status in REACHED],
        "not_reached": [str(status) for status in NOT_REACHED],
        "fallback": FALLBACK_WAIT_S,
        "declined": DECLINED,
    }
    while True:
        with engine.begin() as connection:
            rows = connection.execute(text(_STANDBY), values).all()
        counts = {row[0]: int(row[1]) for row in rows}
        if changed := {campaign for row in rows if row[0] not in ("later", "wait") for campaign in row[2]}:
            mark_ledgers_changed(engine, changed)
        for verdict in totals:
            totals[verdict] += counts.get(verdict, 0)
        if sum(counts.values()) < CHUNK:
            return totals["queued"], totals["not_needed"]


def _finish(engine: Engine) -> list[str]:
    """Finish campaigns whose messages are all decided; long doubts do not keep one open, but alert.

    A paused one finishes at its cut-off: there is nothing left for which it could be resumed.
    """
    with engine.connect() as connection:
        candidates = connection.execute(
            text(
                # Limit and order ask the index, campaign by campaign: with not exists() all queued messages are read at once.
                "select c.id from campaign c where c.loaded_at is not null "
                "and (c.state = 'sending' or c.state = 'paused' and c.cut_off_at <= now()) "
                "and (select true from message m where m.campaign_id = c.id and m.state = 'queued' "
                "order by m.channel, m.due_at limit 1) is null "
                "and (select true from message m where m.campaign_id = c.id and m.state = 'standby' "
                "order by m.due_at limit 1) is null "
                "and (select true from message m where m.campaign_id = c.id and (m.state = 'handing_over' "
                "or m.state = 'in_doubt' and m.changed_at > now() - make_interval(secs => :settle)) limit 1) is null "
                "limit 1000"
            ),
            {"settle": SETTLE_AFTER_S},
        ).scalars()
        campaigns = list(candidates)
    finished: list[str] = []
    for campaign_id in campaigns:
        with engine.begin() as connection:
            campaign = get_campaign(connection, campaign_id)
            if campaign.state == CampaignState.PAUSED:
                move_campaign(
                    connection, campaign_id, CampaignState.SENDING, actor="ledger", detail={"because": "cut-off"}
                )
            elif campaign.state != CampaignState.SENDING:
                continue
            move_campaign(connection, campaign_id, CampaignState.FINISHED, actor="ledger")
            finished.append(campaign.key)
    return finished


def alert_old_doubts(engine: Engine) -> int:
    """Raise an alert for each campaign with messages in doubt that nothing settled; gives the number of messages."""
    with engine.begin() as connection:
        rows = connection.execute(
            text(
                "select campaign_id, count(*) from message where state = 'in_doubt' "
                "and changed_at < now() - make_interval(secs => :settle) group by campaign_id limit 1000"
            ),
            {"settle": SETTLE_AFTER_S},
        ).all()
        for campaign_id, count in rows:
            campaign = find_campaign(connection, int(campaign_id))
            raise_alert(
                connection,
                reason="in_doubt",
                subject=f"campaign:{campaign.key if campaign else campaign_id}",
                message=f"{f'{count} messages are' if count > 1 else '1 message is'} in doubt: "
                "it is not known whether the carrier took them.",
                team_id=campaign.team_id if campaign else None,
                campaign_id=campaign.id if campaign else None,
                again=False,
            )
    return sum(int(row[1]) for row in rows)
