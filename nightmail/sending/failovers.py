"""Failover: an account whose carrier is down gives its messages to the next account, step by step, and takes them back.

The state of an account is one row for all senders. It moves by steps with a cool-down between them:

=====================================================  ===========================================================
since the last step, or in the stated time before one  the account
=====================================================  ===========================================================
the stated number of doubtful answers, and share       gives a step more of its messages away
doubtful answers, and nothing accepted                 the same; with all given away, its next probe comes later
nothing, since it is left alone as it asked or failed  the same
something accepted, nothing doubtful                   takes a step of its messages back
some of both                                           stays for another cool-down
nothing else                                           stays
=====================================================  ===========================================================

With all given away single messages probe it. Nothing here touches a message: one that is in doubt stays so.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from psycopg import Connection as DriverConnection
from sqlalchemy import Connection, Engine, Row, text

from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.organisation.failover_settings import FailoverSettings, failover_settings
from nightmail.sending.queries import (
    FAILOVERS,
    HAS_ANOTHER_WAY,
    LOCK_FAILOVER,
    SAVE_FAILOVER,
)
from nightmail.sending.sender_queries import TAKE_PROBE

ALL = 100
LONGEST_PROBE_S = 300.0
"""Probes of an account that stays down come in growing distances up to this one: each may leave a message in doubt."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of an account within a second, or since a step."""

    second: float = 0.0
    """Since 1970, by the database's clock."""
    doubtful: int = 0
    """Answers without a clear word, and requests that did not get through."""
    doubtful_messages: int = 0
    accepted: int = 0
    """Messages."""

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            other.second or self.second,
            self.doubtful + other.doubtful,
            self.doubtful_messages + other.doubtful_messages,
            self.accepted + other.accepted,
        )

    def say_down(self, settings: FailoverSettings) -> bool:
        """Whether they are as many, and as great a share, as is stated."""
        messages = self.doubtful_messages + self.accepted
        return self.doubtful >= settings.after and self.doubtful_messages * 100 >= settings.at_least_percent * messages


@dataclass(frozen=True, slots=True)
class Failover:
    """Where an account stands. Times are seconds since 1970 by the database's clock."""

    moved_percent: int = 0
    """So many of a hundred messages go over the next account."""
    answers: tuple[Answers, ...] = ()
    """By second, of the stated time; since the last step in one, where messages are given away."""
    since: float | None = None
    stepped_at: float | None = None
    probes_failed: int = 0


def stepped(
    state: Failover,
    heard: Answers,
    settings: FailoverSettings,
    now: float,
    *,
    another_way: bool,
    left_alone: bool = False,
) -> Failover:
    """The state after further answers.

    ``another_way`` says whether any message may take another account, ``left_alone`` whether nothing is handed to the
    account for now.
    """
    if state.moved_percent:
        return _stepped_further(state, heard, settings, now, left_alone)
    known = {each.second: each for each in state.answers if each.second > now - settings.within_s}
    second = float(int(now))
    known[second] = known.get(second, Answers()) + replace(heard, second=second)
    answers = tuple(known[key] for key in sorted(known))
    total = sum(answers, Answers())
    if not total.doubtful:
        return Failover()
    if settings.enabled and another_way and total.say_down(settings):
        return Failover(min(ALL, settings.step_percent), (), now, now)
    return replace(state, answers=answers)


def _stepped_further(
    state: Failover, heard: Answers, settings: FailoverSettings, now: float, left_alone: bool
) -> Failover:
    total = sum(state.answers, Answers()) + heard
    silent = not (total.doubtful or total.accepted)
    still_down = silent and left_alone and state.moved_percent < ALL
    if now - (state.stepped_at or now) < settings.cool_down_s or (silent and not still_down):
        return replace(state, answers=(total,))
    rested = replace(state, answers=(), stepped_at=now)
    if still_down or total.say_down(settings) or (total.doubtful and not total.accepted):
        if state.moved_percent >= ALL:
            return replace(rested, probes_failed=state.probes_failed + 1)
        return replace(rested, moved_percent=min(ALL, state.moved_percent + settings.step_percent))
    if total.doubtful:
        return rested
    left = max(0, state.moved_percent - settings.step_percent)
    return replace(rested, moved_percent=left, probes_failed=0) if left else Failover()


def probe_wait_s(settings: FailoverSettings, probes_failed: int) -> float:
    """Seconds between two probes of an account that has given all away."""
    longest = max(LONGEST_PROBE_S, settings.cool_down_s)
    return min(longest, settings.cool_down_s * 2.0 ** min(probes_failed, 16))


def take_probe(connection: DriverConnection[Any], account: CarrierAccountRow, probes_failed: int) -> bool:
    """Whether the caller, of all senders alone, may probe an account with one message now."""
    wait_s = probe_wait_s(failover_settings(account.settings), probes_failed)
    return connection.execute(TAKE_PROBE, {"account": account.id, "wait": wait_s}).rowcount == 1


def note_answers(engine: Engine, account: CarrierAccountRow, heard: Answers, *, left_alone: bool = False) -> Failover:
    """Note what an account answered, and take the step that follows, with its alert and audit entry.

    ``left_alone``: as in :func:`stepped`.
    """
    settings = failover_settings(account.settings)
    with engine.begin() as connection:
        row = connection.execute(text(LOCK_FAILOVER), {"account": account.id}).one()
        before = _from_row(row)
        after = stepped(before, heard, settings, row.now, another_way=True, left_alone=left_alone)
        if after.moved_percent and not before.moved_percent and not _has_another_way(connection, account):
            after = stepped(before, heard, settings, row.now, another_way=False)
        connection.execute(
            text(SAVE_FAILOVER),
            {
                "account": account.id,
                "moved": after.moved_percent,
                "answers": json.dumps([asdict(each) for each in after.answers]),
                "since": after.since,
                "stepped": after.stepped_at,
                "failed": after.probes_failed,
            },
        )
        if after.moved_percent != before.moved_percent:
            _tell(connection, account, settings, before, after)
    return after


def _from_row(row: Row[Any]) -> Failover:
    answers = tuple(Answers(**each) for each in row.answers)
    return Failover(row.moved_percent, answers, row.since, row.stepped_at, row.probes_failed)


def _has_another_way(connection: Connection, account: CarrierAccountRow) -> bool:
    values = {"account": account.id, "channel": account.channel}
    return bool(connection.scalar(text(HAS_ANOTHER_WAY), values))


def _tell(
    connection: Connection, account: CarrierAccountRow, settings: FailoverSettings, before: Failover, after: Failover
) -> None:
    subject = f"failover:{account.name}"
    if after.moved_percent:
        raise_alert(
            connection,
            reason="carrier_failed_over",
            subject=subject,
            message=f"{account.name} gave {settings.after} doubtful answers within {settings.within_s:g} s: of its messages "
            f"{after.moved_percent} % go over the next account of their team.",
            team_id=account.team_id,
            again=False,
        )
    else:
        resolve_alerts(connection, subject=subject)
    write_entry(
        connection,
        actor="senders",
        action="carrier.failed_over" if after.moved_percent > before.moved_percent else "carrier.moved_back",
        subject=account.name,
        team_id=account.team_id,
        detail={"from_percent": before.moved_percent, "to_percent": after.moved_percent},
    )


@dataclass(frozen=True, slots=True)
class FailedOver:
    """An account that gives messages to the next one."""

    carrier_account: str
    channel: str
    team: str | None
    """Whose account it is; ``None``: one for all teams."""
    moved_percent: int
    since: Any


def failed_over(connection: Connection, campaign_id: int | None = None) -> list[FailedOver]:
    """The accounts that have failed over, by name: all, or those that a campaign's messages might go over."""
    return [FailedOver(**row._mapping) for row in connection.execute(text(FAILOVERS), {"campaign": campaign_id})]
