"""A carrier account that a person mends while senders run: they go on with what it says now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from nightmail.campaigns.suspensions import lift_suspension, list_suspensions
from nightmail.carriers.protocol import Carrier
from nightmail.organisation.carrier_accounts import CarrierAccountRow
from nightmail.sending.due_work import due_work
from nightmail.sending.senders import SenderOptions, drain
from tests.support.sandbox_process import RunningCarriers, eventually
from tests.support.sending_rig import KEY, TWILIO_SECRET, Organisation

NOT_OURS = "+15551239999"


@contextmanager
def running_sender(organisation: Organisation) -> Iterator[list[str]]:
    """One sender that runs until the end, whatever is due; gives the numbers of which it made adapters."""
    stop = threading.Event()
    numbers: list[str] = []

    def carriers(account: CarrierAccountRow) -> Carrier:
        numbers.append(account.settings["sender"])
        return organisation.carriers(account)

    options = SenderOptions(hash_key=KEY, idle_s=600.0)
    sender = threading.Thread(target=lambda: drain(organisation.engine, carriers, options, stop=stop), daemon=True)
    sender.start()
    try:
        yield numbers
    finally:
        stop.set()
        sender.join(30)
    assert not sender.is_alive()


def in_force(organisation: Organisation) -> list[int]:
    with organisation.engine.connect() as connection:
        return [row.id for row in list_suspensions(connection)]


@pytest.mark.parametrize("what", ["settings", "secret"])
def test_an_account_that_is_mended_and_lifted_is_used_as_it_is_now(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The sender that suspended it goes on with it at once, and does not suspend it again over what it was."""
    mend: Callable[[], None]
    if what == "settings":
        sandbox.behave(owned_senders=["+15005550006"])
        organisation.change_account("sms", sender=NOT_OURS)

        def mend() -> None:
            organisation.change_account("sms", sender="+15005550006")
    else:
        monkeypatch.setenv(TWILIO_SECRET, "wrong")

        def mend() -> None:
            monkeypatch.setenv(TWILIO_SECRET, sandbox.told["twilio"]["auth_token"])

    campaign = organisation.campaign(12)
    with running_sender(organisation):
        (suspension,) = eventually(lambda: in_force(organisation))
        assert organisation.states(campaign).keys() <= {"queued", "handing_over"}
        mend()
        lift_suspension(organisation.engine, suspension, by="test")
        eventually(lambda: organisation.states(campaign) == {"accepted": 12} or in_force(organisation))
        assert in_force(organisation) == []
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 12


def test_an_account_without_its_secret_is_suspended_and_no_sender_is_started_for_it(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its messages wait for a person, who is told once; mended and lifted, they go."""
    monkeypatch.delenv(TWILIO_SECRET)
    campaign = organisation.campaign(5)
    for _ in range(2):
        assert organisation.drain().handed_off == 0
    assert organisation.states(campaign) == {"queued": 5}
    (alert,) = organisation.query("select reason, message, times from alert")
    assert (alert.reason, alert.times) == ("secret_missing", 1) and "sandbox-sms cannot be used" in alert.message
    with organisation.engine.connect() as connection:
        (suspension,) = list_suspensions(connection)
        assert due_work(connection).messages == 0
    assert suspension.carrier_account_id == organisation.account_ids["sms"]
    monkeypatch.setenv(TWILIO_SECRET, sandbox.told["twilio"]["auth_token"])
    lift_suspension(organisation.engine, suspension.id, by="test")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 5}
    assert organisation.query("select count(*) from alert where resolved_at is null")[0][0] == 0


def test_settings_that_change_under_way_hold_for_what_is_still_to_go(
    organisation: Organisation, sandbox: RunningCarriers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any suspension: a running sender takes the account's new number, and each message goes once."""
    monkeypatch.setattr("nightmail.sending.sender.routing.CONTEXT_S", 0.2)
    organisation.change_account("sms", rate_per_s=20)
    campaign = organisation.campaign(60)
    with running_sender(organisation) as numbers:
        eventually(lambda: len(sandbox.accepted_of(campaign.token)) >= 5)
        organisation.change_account("sms", sender="+15005550009", rate_per_s=50)
        eventually(lambda: organisation.states(campaign) == {"accepted": 60})
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 60
    assert (numbers[0], numbers[-1]) == ("+15005550006", "+15005550009")
