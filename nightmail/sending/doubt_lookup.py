"""Messages in doubt, looked up in the carriers' records and settled where these show them.

That the records show nothing is no proof: after ten minutes such a message is alerted and waits for a person, unless its
category states ``resend_if_absent``: then it is sent again, as often as any message is tried and not after the cut-off.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from nightmail.campaigns.campaign_routes import routes_of
from nightmail.campaigns.campaign_rows import get_campaign
from nightmail.campaigns.counts import mark_ledgers_changed
from nightmail.carriers.protocol import Finding, InDoubt, OutgoingMessage, Verdict
from nightmail.errors import NightmailError
from nightmail.organisation.carrier_accounts import CarrierAccountRow, CarrierFactory, reporting_accounts
from nightmail.sending.doubts import (
    SETTLE_AFTER_S,
    accept_proven,
    alert_old_doubts,
    fail_doubts_of_sandbox,
    queue_again,
    settle_attempt,
    wake_standby,
)
from nightmail.sending.intents import MAXIMUM_ATTEMPTS
from nightmail.sending.queries import ACCEPT_FOUND, DOUBTS_TO_LOOK_UP
from nightmail.store.carrier_ids import HAS_CARRIER_ID
from nightmail.store.clock import database_ahead, database_time

_log = logging.getLogger("nightmail.sending")

LONGEST_LOOK = dt.timedelta(days=2)
"""Older messages in doubt are no longer looked up: the carrier's answer would be the same."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one look at the messages in doubt did."""

    looked_up: int = 0
    accepted: int = 0
    resent: int = 0
    left: int = 0
    """In doubt after it, whether looked up or not."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    month: dt.date
    key: int
    campaign_id: int
    message_id: str
    channel: str
    account_id: int | None
    sent_from: str | None
    """What it said it came from, where the ledger knows."""
    attempts: int
    since: dt.datetime
    age_s: float
    resend_if_absent: bool
    address: str
    subject: str | None
    body: str
    html: str | None
    language: str | None

    def may_be_at(self, account: CarrierAccountRow) -> bool:
        """Whether an account's records may show it: after a restore no account is known, and any of the channel may."""
        return self.account_id == account.id or (self.account_id is None and self.channel == account.channel)

    def may_be_sent_again(self) -> bool:
        """Whether it is to be sent again when its carrier's records do not show it."""
        return self.resend_if_absent and self.age_s >= SETTLE_AFTER_S and self.account_id is not None


def resolve_in_doubt(engine: Engine, carriers: CarrierFactory, *, limit: int = 1000, sparing: bool = False) -> Resolved:
    """Look messages in doubt up at their carriers and settle those that are found there.

    Cheap when there is none; one process at a time works, the others return at once. Senders and sensors call it every
    few seconds, ``sparing`` the carrier: fresh doubts are looked up at once, older ones now and then.
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
        ended = fail_doubts_of_sandbox(connection)
        now = database_time(connection)
        rows = connection.execute(
            text(DOUBTS_TO_LOOK_UP),
            {
                "oldest": now - LONGEST_LOOK,
                "limit": limit,
                "sparing": sparing,
                "most_attempts": MAXIMUM_ATTEMPTS,
            },
        )
        doubts = [_Doubt(**row._mapping) for row in rows]
        accounts = reporting_accounts(connection) if doubts else []
    if proven or ended:
        mark_ledgers_changed(engine, [*proven, *ended])
    accepted, resent = len(proven), 0
    settled: set[int] = set()
    for account in accounts:
        asked = [doubt for doubt in doubts if doubt.key not in settled and doubt.may_be_at(account)]
        if not asked:
            continue
        findings = {finding.message_id: finding for finding in _find(engine, carriers, account, asked)}
        for doubt in asked:
            finding = findings.get(doubt.message_id)
            if finding is None or finding.verdict is Verdict.UNKNOWN:
                continue
            if finding.verdict is Verdict.TAKEN:
                accepted += _accept(engine, doubt, account, finding)
                settled.add(doubt.key)
            elif doubt.may_be_sent_again():
                with engine.begin() as connection:
                    resent += queue_again(connection, doubt.month, doubt.key, doubt.campaign_id, actor="in_doubt")
                settled.add(doubt.key)
    alert_old_doubts(engine)
    with engine.connect() as connection:
        left = connection.scalar(text("select count(*) from message where state = 'in_doubt'"))
    return Resolved(len(doubts), accepted, resent, int(left or 0))


def _find(
    engine: Engine, carriers: CarrierFactory, account: CarrierAccountRow, doubts: Sequence[_Doubt]
) -> list[Finding]:
    """What the records of one account show of messages; nothing when it cannot be used."""

    def claimed(carrier_ids: Iterable[str]) -> set[str]:
        with engine.connect() as connection:
            rows = connection.execute(
                text(f"select carrier_message_id from message where {HAS_CARRIER_ID}"),  # noqa: S608 - a constant
                {"ids": list(carrier_ids)},
            )
            return set(rows.scalars())

    senders: dict[int, str | None] = {}
    with engine.connect() as connection:
        ahead = database_ahead(connection)
        for campaign_id in {doubt.campaign_id for doubt in doubts}:
            routes = routes_of(connection, get_campaign(connection, campaign_id), account.channel)
            senders[campaign_id] = next((route.sender for route in routes if route.account.id == account.id), None)
    try:
        carrier = carriers(account)
    except NightmailError as error:
        _log.warning("messages in doubt cannot be looked up at %s: %s", account.name, error.reason)
        return []
    try:
        findings = carrier.find(
            [
                InDoubt(
                    OutgoingMessage(
                        doubt.message_id,
                        doubt.address,
                        doubt.body,
                        subject=doubt.subject,
                        html=doubt.html,
                        sender=doubt.sent_from or senders[doubt.campaign_id],
                        language=doubt.language,
                    ),
                    doubt.since - ahead,
                )
                for doubt in doubts
            ],
            claimed,
        )
    finally:
        carrier.close()
    for detail, count in Counter(each.detail for each in findings if each.verdict is Verdict.UNKNOWN).items():
        _log.warning("%d messages in doubt are unknown to %s: %s", count, account.name, detail)
    return findings


def _accept(engine: Engine, doubt: _Doubt, account: CarrierAccountRow, finding: Finding) -> int:
    with engine.begin() as connection:
        done = connection.execute(
            text(ACCEPT_FOUND),
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
            settle_attempt(connection, doubt.month, doubt.key, doubt.attempts, "accepted", finding.carrier_message_id)
            wake_standby(connection, doubt.month, doubt.key)
            connection.execute(
                text("update campaign set ledger_changed_at = now() where id = :id"), {"id": doubt.campaign_id}
            )
    return done
