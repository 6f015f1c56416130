"""Alerts of sending: each ends by itself once its matter is over, and not before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nightmail.campaigns.alerts import close_alerts, list_alerts, raise_alert
from nightmail.campaigns.approval import approve
from nightmail.campaigns.late_starts import late_start, record_waiting
from nightmail.campaigns.transitions import begin_preparing, cancel
from nightmail.errors import UsageError
from nightmail.forecasts.recorded_forecasts import forecast_loaded
from nightmail.sending.advance import advance_ledger
from nightmail.sending.doubt_decisions import Decision, decide, decide_campaign
from nightmail.sending.doubts import alert_old_doubts
from nightmail.sending.ledger_loading import load_ledger
from tests.support.sandbox_process import RunningCarriers
from tests.support.sending_rig import Organisation, in_minutes


def open_reasons(organisation: Organisation) -> list[str]:
    with organisation.engine.connect() as connection:
        return sorted(row.reason for row in list_alerts(connection))


def reviewed(organisation: Organisation) -> list[str]:
    """The reasons of what is open after a look at what time has decided."""
    advance_ledger(organisation.engine)
    return open_reasons(organisation)


def test_an_alert_of_doubts_ends_with_the_last_of_them(organisation: Organisation) -> None:
    campaign, other = organisation.campaign(2), organisation.campaign(1)
    for state in ("handing_over", "in_doubt"):
        organisation.execute("update message set state = :s", s=state)
    organisation.execute("update message set changed_at = now() - interval '11 minutes'")
    for _ in range(2):
        alert_old_doubts(organisation.engine)
    assert reviewed(organisation) == ["in_doubt", "in_doubt"]
    assert {row.times for row in organisation.query("select times from alert")} == {1}
    first, _ = organisation.messages(campaign)
    decide(organisation.engine, first["message_id"], Decision.ACCEPTED, actor="ann")
    assert reviewed(organisation) == ["in_doubt", "in_doubt"]
    decide_campaign(organisation.engine, campaign.key, Decision.FAILED, actor="ann")
    assert reviewed(organisation) == ["in_doubt"]
    with organisation.engine.connect() as connection:
        assert [row.campaign for row in list_alerts(connection)] == [other.key]


@pytest.mark.parametrize("end", ["cancelled", "finished"])
def test_a_cut_off_is_at_risk_no_more_when_the_campaign_is_over(organisation: Organisation, end: str) -> None:
    organisation.change_account("sms", rate_per_s=0.01)
    campaign = organisation.campaign(10, cut_off_at=in_minutes(5))
    with organisation.engine.begin() as connection:
        forecast_loaded(connection, campaign.id, in_minutes(0))
    assert reviewed(organisation) == ["cut_off_at_risk"]
    if end == "cancelled":
        cancel(organisation.engine, campaign.id, actor="ann")
    else:
        organisation.execute("update campaign set cut_off_at = now()")
    assert reviewed(organisation) == []
    assert organisation.read(campaign).state == end


@pytest.mark.parametrize("end", [approve, cancel])
def test_a_start_that_is_long_past_is_told_until_somebody_decides(
    organisation: Organisation, end: Callable[..., object]
) -> None:
    """From the moment at which it is seen, while the ledger is still being loaded, which may take a while."""
    campaign = organisation.received(scheduled_at=in_minutes(-90))
    with organisation.engine.begin() as connection:
        campaign = begin_preparing(connection, campaign.id, "run")
        waits = late_start(connection, campaign, campaign.scheduled_at, in_minutes(0), 3600)
        assert waits is not None
        record_waiting(connection, campaign, waits)
    assert reviewed(organisation) == ["start_long_past"]
    messages, audience = organisation.tables(campaign, ["+447700900001"])
    load_ledger(organisation.engine, campaign.id, messages, audience, actor="run", needs_approval=True)
    assert reviewed(organisation) == ["start_long_past"]
    end(organisation.engine, campaign.key, actor="ann")
    assert reviewed(organisation) == []


def test_an_account_that_accepts_again_is_no_longer_unavailable(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    """Another account's acceptance says nothing of it."""
    with organisation.engine.begin() as connection:
        for name in ("sandbox-sms", "sandbox-voice"):
            raise_alert(connection, reason="carrier_unavailable", subject=f"carrier:{name}", message="No answer.")
    organisation.campaign(1)
    organisation.drain()
    with organisation.engine.connect() as connection:
        assert [row.subject for row in list_alerts(connection)] == ["carrier:sandbox-voice"]


def test_an_account_without_clear_answers_is_alerted_until_it_accepts(
    organisation: Organisation, sandbox: RunningCarriers
) -> None:
    sandbox.faults({"kind": "500_before", "on": "messages"})
    campaign = organisation.campaign(12)
    organisation.drain(idle_s=3.0)
    assert open_reasons(organisation) == ["carrier_unavailable"]
    sandbox.faults()
    organisation.execute("update pace set blocked_until = null")
    for message in organisation.messages(campaign):
        if message["state"] == "in_doubt":
            decide(organisation.engine, message["message_id"], Decision.RESEND, actor="ann")
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 12}
    assert open_reasons(organisation) == []


def test_a_team_without_a_carrier_is_alerted_while_messages_wait(organisation: Organisation) -> None:
    """Without any sender run: none is started for what cannot go. With an account again, the alert ends."""
    organisation.execute("update carrier_account set active = false where channel = 'sms'")
    organisation.campaign(3)
    organisation.campaign(3, ("email",))
    for _ in range(2):
        assert reviewed(organisation) == ["no_carrier"]
    with organisation.engine.connect() as connection:
        (alert,) = list_alerts(connection, team="acme")
    assert (alert.team, alert.times) == ("acme.billing", 1)
    assert "sms" in alert.message
    organisation.execute("update carrier_account set active = true")
    assert reviewed(organisation) == []


def test_a_person_closes_an_alert_and_it_comes_again_with_its_matter(organisation: Organisation) -> None:
    def raised() -> int:
        with organisation.engine.begin() as connection:
            raise_alert(connection, reason="run_failed", subject="job:report", message="A run failed.")
        with organisation.engine.connect() as connection:
            return list_alerts(connection)[0].id

    first = raised()
    for _ in range(2):
        with organisation.engine.begin() as connection:
            (closed,) = close_alerts(connection, [first], actor="ann")
        assert closed.closed_at is not None
    trail = organisation.query("select actor, action, object from audit where action like 'alert.%'")
    assert [tuple(row) for row in trail] == [("ann", "alert.closed", f"alert:{first}")]
    assert open_reasons(organisation) == []
    second = raised()
    assert second != first
    with organisation.engine.connect() as connection:
        assert [row.id for row in list_alerts(connection, closed=True)] == [second, first]
        assert [row.id for row in list_alerts(connection, closed=True, before_id=second)] == [first]
    with organisation.engine.begin() as connection, pytest.raises(UsageError, match="no alert"):
        close_alerts(connection, [second + 1], actor="ann")
