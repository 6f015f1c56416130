"""Messages in doubt: settled by receipts, by the carrier's records or by a person; never by sending again blindly.

A message is in doubt when its sender died between intent and outcome, or when the carrier's answer was lost or said
nothing. The carrier's records may show that it was taken. That they show nothing is no proof: after ten minutes such a
message is alerted and waits for a person, unless its category states ``resend_if_absent``: then it is sent again, as often
as any message is tried and not after the cut-off.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.campaigns.transitions import move_campaign
from nightmail.carriers.protocol import Finding, InDoubt, OutgoingMessage, Verdict
from nightmail.errors import NightmailError, UsageError
from nightmail.message_ids import parse_message_id, same_line
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory, carrier_accounts
from nightmail.reasons import remedy, sentence
from nightmail.receipts.polling import database_ahead
from nightmail.sending.advance import SETTLE_AFTER_S, accept_proven, alert_old_doubts
from nightmail.sending.intents import MAXIMUM_ATTEMPTS
from nightmail.store.states import CampaignState

_log = logging.getLogger("nightmail.sending")

LONGEST_LOOK = dt.timedelta(days=2)
"""Older messages in doubt are no longer looked up by themselves: the carrier's answer would be the same."""


class Decision(StrEnum):
    """What a person decides about a message in doubt."""

    ACCEPTED = "accepted"
    """The carrier has it."""
    FAILED = "failed"
    """It was not sent, and will not be."""
    RESEND = "resend"
    """The carrier certainly does not have it: hand it off again."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one look at the messages in doubt did."""

    looked_up: int = 0
    accepted: int = 0
    resent: int = 0
    left: int = 0
    """Still in doubt, whether looked up or not."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    month: dt.date
    key: int
    campaign_id: int
    message_id: str
    channel: str
    account_id: int | None
    attempts: int
    since: dt.datetime
    age_s: float
    resend_if_absent: bool
    address: str
    subject: str | None
    body: str
    html: str | None
    language: str | None


_DOUBTS = """
select m.ledger_month as month, m.message_key as key, m.campaign_id,
    c.token || '-' || m.line || '-' || m.channel || '-' || m.step as message_id, m.channel,
    m.carrier_account_id as account_id, m.attempts, coalesce(a.started_at, m.changed_at) as since,
    extract(epoch from now() - m.changed_at)::float8 as age_s,
    g.resend_if_absent and c.state in ('sending', 'finished') and (c.cut_off_at is null or c.cut_off_at > now())
        and m.attempts < :most_attempts as resend_if_absent,
    x.address, x.subject, x.body, x.html, m.language
from message m join campaign c on c.id = m.campaign_id join category g on g.id = c.category_id
join message_content x on x.ledger_month = m.ledger_month and x.message_key = m.message_key
left join attempt a on a.ledger_month = m.ledger_month and a.message_key = m.message_key and a.number = m.attempts
where m.state = 'in_doubt' and m.changed_at > :oldest and (not :sparing or random() < case
    when m.changed_at > now() - interval '1 minute' then 1
    when m.changed_at > now() - interval '10 minutes' then 0.2 else 0.01 end)
order by random() limit :limit
"""


def resolve_in_doubt(engine: Engine, carriers: CarrierFactory, *, limit: int = 1000, sparing: bool = False) -> Resolved:
    """Look messages in doubt up at their carriers and settle those that are found there.

    Cheap when there is none; one process at a time works. Senders and sensors call it every few seconds, ``sparing`` the
    carrier: fresh doubts are looked up at once, older ones now and then.
    """
    with engine.connect() as lock:
        alone = lock.scalar(text("select pg_try_advisory_lock(hashtext('nightmail.in_doubt'))"))
        lock.commit()
        if not alone:
            return Resolved()
        try:
            return _resolve(engine, carriers, limit, sparing)
        finally:
            lock.execute(text("select pg_advisory_unlock(hashtext('nightmail.in_doubt'))"))
            lock.commit()


def _resolve(engine: Engine, carriers: CarrierFactory, limit: int, sparing: bool) -> Resolved:
    with engine.begin() as connection:
        proven = accept_proven(connection)
        now = connection.scalar(text("select now()"))
        assert now is not None
        rows = connection.execute(
            text(_DOUBTS),
            {
                "oldest": now - LONGEST_LOOK,
                "limit": limit,
                "sparing": sparing,
                "most_attempts": MAXIMUM_ATTEMPTS,
            },
        )
        doubts = [_Doubt(**row._mapping) for row in rows]
        accounts = carrier_accounts(connection) if doubts else []
    if proven:
        mark_ledgers_changed(engine, proven)
    accepted, resent = len(proven), 0
    settled: set[int] = set()
    for account in accounts:
        # A message of which no account is known (after a restore) is looked up at every account of its channel.
        mine = [
            d
            for d in doubts
            if d.key not in settled
            and (d.account_id == account.id or (d.account_id is None and d.channel == account.channel))
        ]
        if not mine:
            continue
        findings = _find(engine, carriers, account, mine)
        by_id = {finding.message_id: finding for finding in findings}
        for doubt in mine:
            finding = by_id.get(doubt.message_id)
            if finding is None or finding.verdict is Verdict.UNKNOWN:
                continue
            if finding.verdict is Verdict.TAKEN:
                accepted += _accept(engine, doubt, account, finding)
                settled.add(doubt.key)
            elif doubt.resend_if_absent and doubt.age_s >= SETTLE_AFTER_S and doubt.account_id is not None:
                resent += _queue_again(engine, doubt)
                settled.add(doubt.key)
    alert_old_doubts(engine)
    with engine.connect() as connection:
        left = connection.scalar(text("select count(*) from message where state = 'in_doubt'"))
    return Resolved(len(doubts), accepted, resent, int(left or 0))


def _find(
    engine: Engine, carriers: CarrierFactory, account: CarrierAccountRow, doubts: Sequence[_Doubt]
) -> list[Finding]:
    def claimed(carrier_ids: Iterable[str]) -> set[str]:
        with engine.connect() as connection:
            rows = connection.execute(
                text("select carrier_message_id from message where carrier_message_id = any(:ids)"),
                {"ids": list(carrier_ids)},
            )
            return set(rows.scalars())

    senders: dict[int, str | None] = {}
    with engine.connect() as connection:
        ahead = database_ahead(connection)
        for campaign_id in {doubt.campaign_id for doubt in doubts}:
            routes = routes_of(connection, get_campaign(connection, campaign_id), account.channel)
            senders[campaign_id] = next((r.sender for r in routes if r.account.id == account.id), None)
    try:
        carrier = carriers(account)
    except NightmailError as error:
        _log.warning("messages in doubt cannot be looked up at %s: %s", account.name, error.reason)
        return []
    try:
        return carrier.find(
            [
                InDoubt(
                    OutgoingMessage(
                        d.message_id,
                        d.address,
                        d.body,
                        subject=d.subject,
                        html=d.html,
                        sender=senders[d.campaign_id],
                        language=d.language,
                    ),
                    d.since - ahead,
                )
                for d in doubts
            ],
            claimed,
        )
    finally:
        carrier.close()


def _accept(engine: Engine, doubt: _Doubt, account: CarrierAccountRow, finding: Finding) -> int:
    with engine.begin() as connection:
        done = connection.execute(
            text(
                "update message set state = 'accepted', reason = null, error_code = null, "
                "carrier_account_id = :account, carrier_message_id = coalesce(:carrier_id, carrier_message_id), "
                "handed_off_at = coalesce(handed_off_at, :since) "
                "where ledger_month = :month and message_key = :key and state = 'in_doubt' and attempts = :number"
            ),
            {
                "account": account.id,
                "carrier_id": finding.carrier_message_id,
                "since": doubt.since,
                "month": doubt.month,
                "key": doubt.key,
                "number": doubt.attempts,
            },
        ).rowcount
        if done:
            _settle_attempt(connection, doubt.month, doubt.key, doubt.attempts, "accepted", finding.carrier_message_id)
            _look_at_standby(connection, doubt.month, doubt.key)
            connection.execute(
                text("update campaign set ledger_changed_at = now() where id = :id"), {"id": doubt.campaign_id}
            )
    return done


def _settle_attempt(
    connection: Connection, month: dt.date, key: int, number: int, outcome: str, carrier_id: str | None = None
) -> None:
    connection.execute(
        text(
            "update attempt set outcome = :outcome, finished_at = now(), "
            "carrier_message_id = coalesce(:carrier_id, carrier_message_id) "
            "where ledger_month = :month and message_key = :key and number = :number"
        ),
        {"outcome": outcome, "carrier_id": carrier_id, "month": month, "key": key, "number": number},
    )


def _look_at_standby(connection: Connection, month: dt.date, key: int) -> None:
    connection.execute(
        text(
            "update message set due_at = now() where ledger_month = :month and state = 'standby' "  # noqa: S608
            f"and {same_line('message_key', 'cast(:key as bigint)')}"
        ),
        {"month": month, "key": key},
    )


def _queue_again(engine: Engine, doubt: _Doubt) -> int:
    with engine.begin() as connection:
        return _resend(connection, doubt.month, doubt.key, doubt.campaign_id, actor="in_doubt")


def _resend(connection: Connection, month: dt.date, key: int, campaign_id: int, *, actor: str) -> int:
    row = connection.execute(
        text(
            "update message set state = 'queued', reason = null, due_at = now(), "
            "epoch = (select epoch from deployment) "
            "where ledger_month = :month and message_key = :key and state = 'in_doubt' returning attempts"
        ),
        {"month": month, "key": key},
    ).first()
    if row is None:
        return 0
    _settle_attempt(connection, month, key, row.attempts, "retry_later")
    if get_campaign(connection, campaign_id).state == CampaignState.FINISHED:
        move_campaign(
            connection, campaign_id, CampaignState.SENDING, actor=actor, detail={"because": "a message is sent again"}
        )
    return 1


def decide(engine: Engine, message_id: str, decision: Decision, *, actor: str) -> None:
    """A person's decision about one message in doubt, with an audit row.

    Raises :class:`nightmail.errors.UsageError` (``message_unknown``, ``message_not_in_doubt``, ``campaign_state``,
    ``text_deleted``).
    """
    unknown = UsageError(
        "message_unknown", f"There is no message {message_id}.", "Use a message id as the delivery report has it."
    )
    try:
        parsed = parse_message_id(message_id)
    except ValueError:
        raise unknown from None
    with engine.begin() as connection:
        campaign = connection.execute(
            text("select id, key, team_id, ledger_month, state from campaign where token = :token"),
            {"token": parsed.token},
        ).first()
        if campaign is None or campaign.ledger_month is None:
            raise unknown
        key = parsed.key(campaign.id)
        row = connection.execute(
            text("select state, attempts from message where ledger_month = :month and message_key = :key for update"),
            {"month": campaign.ledger_month, "key": key},
        ).first()
        if row is None:
            raise unknown
        if row.state != "in_doubt":
            raise UsageError(
                "message_not_in_doubt",
                f"The message {message_id} is not in doubt: it is {row.state.replace('_', ' ')}.",
                "Only a message in doubt can be decided by a person.",
            )
        _carry_out(connection, campaign, key, row.attempts, decision, actor)
        write_entry(
            connection,
            actor=actor,
            action=f"message.decided_{decision}",
            subject=message_id,
            team_id=campaign.team_id,
            detail={"campaign": campaign.key},
        )


def _carry_out(connection: Connection, campaign: Any, key: int, attempts: int, decision: Decision, actor: str) -> None:
    month = campaign.ledger_month
    if decision is Decision.RESEND:
        if campaign.state in ("cancelled", "stopped"):
            raise UsageError(
                "campaign_state",
                f"The campaign {campaign.key} is {campaign.state}: nothing of it is sent any more.",
                "Mark the message as accepted or failed, or send it in a new campaign.",
                state=campaign.state,
            )
        if not connection.scalar(
            text("select exists (select from message_content where ledger_month = :month and message_key = :key)"),
            {"month": month, "key": key},
        ):
            raise UsageError("text_deleted", sentence("text_deleted"), remedy("text_deleted"))
        _resend(connection, month, key, campaign.id, actor=actor)
        return
    connection.execute(
        text(
            "update message set state = :state, reason = case when :state = 'failed' then 'in_doubt' end, "
            "handed_off_at = case when :state = 'accepted' then coalesce(handed_off_at, changed_at) else handed_off_at end "
            "where ledger_month = :month and message_key = :key"
        ),
        {"state": str(decision), "month": month, "key": key},
    )
    outcome = "accepted" if decision is Decision.ACCEPTED else "rejected"
    _settle_attempt(connection, month, key, attempts, outcome)
    _look_at_standby(connection, month, key)
    connection.execute(text("update campaign set ledger_changed_at = now() where id = :id"), {"id": campaign.id})


def decide_campaign(
    engine: Engine, campaign: str | int, decision: Decision, *, actor: str, limit: int | None = None
) -> int:
    """The same decision about every message in doubt of a campaign, or ``limit`` of them, such as after a restore.

    Gives how many were decided.
    """
    with engine.connect() as connection:
        found = get_campaign(connection, campaign)
        ids = connection.execute(
            text(
                "select :token || '-' || line || '-' || channel || '-' || step from message "
                "where campaign_id = :id and state = 'in_doubt' order by message_key limit :limit"
            ),
            {"token": found.token, "id": found.id, "limit": limit},
        ).scalars()
        message_ids = list(ids)
    done = 0
    for message_id in message_ids:
        try:
            decide(engine, message_id, decision, actor=actor)
        except UsageError as error:
            if error.reason != "message_not_in_doubt":
                raise
            # It was settled meanwhile.
            continue
        done += 1
    return done


def count_in_doubt(connection: Connection, campaign_id: int) -> int:
    """How many messages of a campaign are in doubt."""
    return int(
        connection.scalar(
            text("select count(*) from message where campaign_id = :id and state = 'in_doubt'"), {"id": campaign_id}
        )
        or 0
    )


@dataclass(frozen=True, slots=True)
class DoubtRow:
    """One message in doubt, as people who decide see it; free of personal data."""

    key: int
    message_id: str
    campaign: str
    team: str
    channel: str
    carrier_account: str | None
    since: dt.datetime
    error_code: str | None
    reason: str | None


def list_in_doubt(
    connection: Connection,
    *,
    team_path: str | None = None,
    campaign: str | None = None,
    after_key: int | None = None,
    limit: int = 100,
) -> list[DoubtRow]:
    """Messages in doubt, the oldest campaign first and in the order of its rows, of a team and what is under it."""
    rows = connection.execute(
        text(
            "select m.message_key as key, c.token || '-' || m.line || '-' || m.channel || '-' || m.step as message_id, "
            "c.key as campaign, t.path as team, m.channel, a.name as carrier_account, m.changed_at as since, m.error_code, m.reason "
            "from message m join campaign c on c.id = m.campaign_id join team t on t.id = c.team_id "
            "left join carrier_account a on a.id = m.carrier_account_id where m.state = 'in_doubt' "
            "and (cast(:team as text) is null or t.path = :team or starts_with(t.path, :team || '.')) "
            "and (cast(:campaign as text) is null or c.key = :campaign) "
            "and (cast(:after as bigint) is null or m.message_key > :after) order by m.message_key limit :limit"
        ),
        {"team": team_path, "campaign": campaign, "after": after_key, "limit": min(limit, 1000)},
    )
    return [DoubtRow(**row._mapping) for row in rows]
