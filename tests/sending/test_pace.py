"""The pace: what carriers say of it is obeyed by every message and process alike, and nothing that they say does harm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.sending_rig import KEY, Organisation
from nightmail.sending.carrier import Carrier, HandOff, OutgoingMessage
from nightmail.sending.routes import CarrierAccountRow
from nightmail.sending.senders import SenderOptions, drain
from tests.sandbox_process import RunningCarriers
from tests.sending.test_draining import accepted_of

DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [(1e15, DAY), (1.7e12, DAY), (86_400, DAY), (7_200, dt.timedelta(hours=2)), (float("inf"), None), (float("nan"), None)],
)  # fmt: skip
def test_a_wait_that_a_carrier_states_holds_for_message_and_account_alike(
    organisation: Organisation, sandbox: RunningCarriers, retry_after: float, wait: dt.timedelta | None
) -> None:
    """Up to a day; beyond that for a day, and what is no number is no wait. Nothing is lost over it, and all goes once."""
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "skip": 6, "retry_after": retry_after})
    campaign = organisation.campaign(20)
    organisation.drain()
    put_off = organisation.query("select due_at - now() from message where reason = 'carrier_unavailable'")
    blocked = organisation.query("select blocked_until - now() from pace where blocked_until is not null")
    if wait is not None:
        assert wait - MINUTE < put_off[0][0] <= wait
        assert wait - MINUTE < blocked[0][0] <= wait
        organisation.execute("update pace set blocked_until = null")
        organisation.execute("update message set due_at = now() where state = 'queued'")
    organisation.drain(idle_s=2.0)
    ids = accepted_of(sandbox, campaign.token)
    assert len(ids) == len(set(ids)) == 20
    assert organisation.states(campaign) == {"accepted": 20}


@pytest.mark.parametrize(
    ("rate", "slowed"), [(0.02, 0.02), (0.1, 0.1), (0.12, 0.1), (40.0, 26.8)], ids=lambda value: f"{value:g}"
)
def test_a_limit_never_makes_a_rate_higher(
    organisation: Organisation, sandbox: RunningCarriers, rate: float, slowed: float
) -> None:
    """A third slower, but not below one in ten seconds; an account that is slower by itself stays as it is."""
    organisation.change_account("sms", rate_per_s=rate)
    organisation.campaign(1)
    sandbox.faults({"kind": "429", "on": "messages", "count": 1, "retry_after": 3600})
    organisation.drain()
    found = organisation.query("select rate_per_s, ceiling_per_s from pace")
    assert [tuple(row) for row in found] == [(pytest.approx(slowed), rate)]


class Garbled:
    """A carrier of the sandbox that says of one message what no column holds."""

    def __init__(self, real: Carrier, message_id: str) -> None:
        self._real = real
        self._message_id = message_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def hand_off(self, batch: Sequence[OutgoingMessage]) -> list[HandOff]:
        return [
            replace(answer, segments=10**12) if answer.message_id == self._message_id else answer
            for answer in self._real.hand_off(batch)
        ]


def test_an_outcome_that_cannot_be_stored_takes_no_other_along(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """It is in doubt, with an alert, until the carrier's records tell; all the others are stored and the sender goes on."""
    campaign = organisation.campaign(40)
    odd = organisation.messages(campaign)[7]["message_id"]

    def carriers(account: CarrierAccountRow) -> Any:
        return Garbled(organisation.carriers(account), odd)

    summary = drain(organisation.engine, carriers, SenderOptions(hash_key=KEY, idle_s=0.05))
    assert summary.handed_off == 40
    (alert,) = organisation.query("select reason, message from alert")
    assert alert.reason == "in_doubt" and "sandbox-sms" in alert.message
    codes = organisation.query("select error_code from attempt")
    assert [row[0] for row in codes] == ["unwritable"]
    # The last look of the sender has found it in the carrier's records.
    assert organisation.states(campaign) == {"accepted": 40}
    ids = accepted_of(sandbox, campaign.token)
    assert len(ids) == len(set(ids)) == 40
