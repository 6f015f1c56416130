"""The ledger's statement before a hand-off: the intent, committed by itself.

The intent takes due messages of one campaign and channel with ``for update skip locked``, looks once more at
suppression, consent, category choice, campaign state, cut-off and epoch, and at what became of the channels before this
one; it holds what may not go, and marks the rest ``handing_over`` in the sender's name. All of it is one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from psycopg import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.protocol import REACHED, OutgoingMessage
from nightmail.consent.suppressions import IS_ASKED_FOR
from nightmail.message_ids import same_line
from nightmail.organisation.routes import Route

MAXIMUM_ATTEMPTS = 12
BY_INDEX = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Options of a connection that runs these statements: some thousand rows, each found by an index.

A ledger changes faster than its statistics. Left alone, the planner takes a month that filled up a minute ago for empty
and reads all of it for every batch. For the same reason texts are looked up behind ``offset 0``, which it does not
rearrange.
"""

_CLAIM = """
with due as materialized (
    select m.ledger_month, m.message_key, m.contact_id, m.address_hash, m.step
    from message m
    where m.ledger_month = %(month)s and m.campaign_id = %(campaign)s and m.channel = %(channel)s
      and m.state = 'queued' and m.due_at <= now() and m.epoch = %(epoch)s
      and exists (select from campaign c where c.id = %(campaign)s and c.state = 'sending'
                  and (c.cut_off_at is null or c.cut_off_at > now()))
    order by m.due_at limit %(limit)s
    for update of m skip locked
), judged as materialized (
    select d.ledger_month, d.message_key, {quiet} case
        {earlier}
        {consent}
        {category}
        else (select case when {asked_for} then 'opted_out' else 'suppressed' end from suppression s
              where s.address_hash = d.address_hash and s.channel = %(channel)s and s.lifted_at is null
                and (s.team_id is null or s.team_id = any(%(teams)s)) and (s.category is null or s.category = %(category)s)
              order by {asked_for} desc limit 1)
        end as hold
    from due d {preference}
), held as (
    update message m set state = case j.hold when 'earlier_channel_delivered' then 'not_needed' else 'held' end,
        reason = j.hold
    from judged j
    where j.hold is not null and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning 1
), woken as (
    update message s set due_at = now() from judged j
    where j.hold is not null and s.ledger_month = %(month)s and s.state = 'standby'
      and {of_contact}
), taken as (
    update message m set state = 'handing_over', reason = null, attempts = m.attempts + 1, sender_run_id = %(run)s,
        carrier_account_id = %(account)s, changed_at = now()
    from judged j
    where j.hold is null and m.ledger_month = %(month)s and m.message_key = j.message_key
    returning m.message_key, m.line, m.step, m.attempts, m.segments, m.language, m.address_hash, m.time_zone
)
select t.message_key, t.line, t.step, t.attempts, t.segments, t.language, t.address_hash, t.time_zone,
       c.address, c.subject, c.body, c.html, {quiet_columns}, (select count(*) from held)
from taken t
left join lateral (select * from message_content c where c.ledger_month = %(month)s
                   and c.message_key = t.message_key offset 0) c on true {quiet_join}
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, (select count(*) from held)
where not exists (select from taken)
"""
_CONSENT = """when not exists (
            select from consent k where k.team_id = any(%(teams)s) and k.contact_id = d.contact_id
              and k.category = %(category)s and (k.channel is null or k.channel = %(channel)s)
              and k.withdrawn_at is null) then 'consent_missing'"""
_CATEGORY = "when %(category)s = any(p.categories_out) then 'category_opted_out'"
# Where a channel follows another, it may have waited since it was its turn: for quiet hours, a suspension, its pace.
_EARLIER = f"""when d.step > 0 and exists (
            select from message e where e.ledger_month = %(month)s and {same_line("e.message_key", "d.message_key")}
              and e.step < d.step and e.state = 'accepted' and e.delivery = any(%(reached)s)) then 'earlier_channel_delivered'
        when d.step > 0 and exists (
            select from message e join suppression s on s.address_hash = e.address_hash and s.channel = e.channel
            where e.ledger_month = %(month)s and {same_line("e.message_key", "d.message_key")} and e.step < d.step
              and s.lifted_at is null and {IS_ASKED_FOR} and (s.team_id is null or s.team_id = any(%(teams)s))
              and (s.category is null or s.category = %(category)s)) then 'opted_out'"""  # noqa: S608
_PREFERENCE = "left join preference p on p.team_id = %(team)s and p.contact_id = d.contact_id"


def _claim_query(*, needs_consent: bool, has_preferences: bool, has_standby: bool) -> str:
    quiet = "p.quiet_from, p.quiet_until, p.time_zone as own_zone," if has_preferences else ""
    return _CLAIM.format(
        asked_for=IS_ASKED_FOR,
        of_contact=same_line("s.message_key", "j.message_key"),
        quiet=quiet,
        quiet_columns="j.quiet_from, j.quiet_until, j.own_zone" if has_preferences else "null, null, null",
        quiet_join="join judged j on j.message_key = t.message_key" if has_preferences else "",
        preference=_PREFERENCE if has_preferences else "",
        earlier=_EARLIER if has_standby else "",
        consent=_CONSENT if needs_consent else "",
        category=_CATEGORY if has_preferences else "when false then null",
    )


_CLAIMS = {
    choice: _claim_query(needs_consent=choice[0], has_preferences=choice[1], has_standby=choice[2])
    for choice in product((False, True), repeat=3)
}
# Retention deletes texts of what has ended; a message of such a campaign may be queued once more.
_FAIL_WITHOUT_TEXT = f"""
with failed as (
    update message set state = 'failed', reason = 'text_deleted', attempts = attempts - 1
    where ledger_month = %(month)s and message_key = any(%(keys)s) and sender_run_id + 0 = %(run)s
      and state = any(array['handing_over'])
    returning message_key
)
update message s set due_at = now() from failed f
where s.ledger_month = %(month)s and s.state = 'standby' and {same_line("s.message_key", "f.message_key")}
"""  # noqa: S608 - the part is a function of constants
# What a person had to mend was no fault of the message's.
_NOT_COUNTED = """
select message_key, count(*) from attempt
where ledger_month = %(month)s and message_key = any(%(keys)s) and error_class = 'stop_and_alert' group by message_key
"""
_REACHED = [str(status) for status in REACHED]


@dataclass(frozen=True, slots=True)
class CampaignInHand:
    """What a sender keeps of a campaign while it hands its messages off. Made anew every few seconds."""

    row: CampaignRow
    teams: list[int]
    """The campaign's team and those above it: whose suppressions and consents count."""
    has_standby: bool
    """Whether channels follow one another in it."""
    has_preferences: bool

    @property
    def asks_contact(self) -> bool:
        """Whether what may go depends on consents or preferences, which people change at any time."""
        return self.row.needs_consent or self.has_preferences


@dataclass(slots=True)
class Intent:
    """One message in a sender's hands: its intent is committed."""

    campaign: CampaignInHand
    route: Route
    sender_run_id: int
    key: int
    number: int
    """Of the attempt."""
    segments: int
    address_hash: str
    time_zone: str | None
    message: OutgoingMessage
    taken_at: float
    """On the sender's own boot-time clock, before the statement: the intent is not acted on when it is old."""
    quiet: tuple[str | None, str | None, str | None] = (None, None, None)
    """The contact's own quiet hours and zone."""
    not_counted: int = 0
    """So many attempts before this one do not count for :data:`MAXIMUM_ATTEMPTS`; looked up when there were as many."""


Content = tuple[str, str | None, str, str | None, str, str | None]
"""Message id, language, address, subject, body and HTML part."""
Compose = Callable[[CampaignInHand, Route, list[Content]], list[OutgoingMessage]]


def claim(
    connection: Connection[Any],
    campaign: CampaignInHand,
    route: Route,
    *,
    sender_run_id: int,
    epoch: int,
    limit: int,
    taken_at: float,
    compose: Compose,
) -> tuple[list[Intent], int]:
    """Take up to ``limit`` due messages of a campaign on a route's channel; gives the intents, and how many were held, not
    needed or without a text.

    ``compose(campaign, route, rows)`` makes what the carrier gets of each ``(message_id, language, address, subject,
    body, html)``.
    """
    row = campaign.row
    channel = route.account.channel
    query = _CLAIMS[row.needs_consent, campaign.has_preferences, campaign.has_standby]
    rows = connection.execute(
        query,
        {
            "month": row.ledger_month,
            "campaign": row.id,
            "channel": channel,
            "epoch": epoch,
            "limit": limit,
            "teams": campaign.teams,
            "team": row.team_id,
            "category": row.category,
            "run": sender_run_id,
            "account": route.account.id,
            "reached": _REACHED,
        },
    ).fetchall()
    held = int(rows[0][15]) if rows else 0
    if not rows or rows[0][0] is None:
        return [], held
    if without := [taken[0] for taken in rows if taken[8] is None]:
        connection.execute(_FAIL_WITHOUT_TEXT, {"month": row.ledger_month, "keys": without, "run": sender_run_id})
        rows = [taken for taken in rows if taken[8] is not None]
        held += len(without)
    outgoing = compose(
        campaign,
        route,
        [(f"{row.token}-{line}-{channel}-{step}", language, *content)
         for _, line, step, _, _, language, _, _, *content, _, _, _, _ in rows],
    )  # fmt: skip
    intents = [
        Intent(
            campaign,
            route,
            sender_run_id,
            taken[0],
            taken[3],
            taken[4],
            taken[6],
            taken[7],
            message,
            taken_at,
            (taken[12], taken[13], taken[14]),
        )
        for taken, message in zip(rows, outgoing, strict=True)
    ]
    if often := [intent for intent in intents if intent.number >= MAXIMUM_ATTEMPTS]:
        keys = [intent.key for intent in often]
        not_counted = dict(connection.execute(_NOT_COUNTED, {"month": row.ledger_month, "keys": keys}).fetchall())
        for intent in often:
            intent.not_counted = not_counted.get(intent.key, 0)
    return intents, held


def release_unknown(connection: Connection[Any], sender_run_id: int, known: Sequence[int]) -> int:
    """Give back intents of this sender that it never learned of, as the answer to its claim was lost.

    Only the sender itself may say so: it knows that it handed none of them off. What is in doubt stays so.
    """
    return connection.execute(
        "update message set state = 'queued', attempts = attempts - 1, reason = null "
        "where sender_run_id = %s and state = 'handing_over' and not (message_key = any(%s))",
        (sender_run_id, list(known)),
    ).rowcount
