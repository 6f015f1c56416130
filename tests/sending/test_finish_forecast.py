"""When a send ends at the carriers' rates: one forecast for the ledger and for rendered messages."""

from __future__ import annotations

import datetime as dt

import pytest

from benchmarks.sending_rig import Organisation, in_minutes
from nightmail.lake import TableFile
from nightmail.sending.campaigns import approve, begin_preparing, pause, resume
from nightmail.sending.finish_forecast import FinishForecast, Load, Work, finish, forecast_of_ledger, work_of_messages
from nightmail.sending.ledger import load_ledger

NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return NOON + dt.timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("loads", "rates", "minutes"),
    [
        pytest.param([], {}, 0, id="nothing to send"),
        pytest.param([Load("sms", 600)], {"sms": 1}, 10, id="units over rate"),
        pytest.param(
            [Load("sms", 600), Load("email", 60_000)], {"sms": 1, "email": 50}, 20, id="channels side by side"
        ),
        pytest.param([Load("sms", 60, at(30))], {"sms": 1}, 31, id="what is due later takes its turn then"),
        pytest.param([Load("sms", 600, at(5)), Load("sms", 600)], {"sms": 1}, 20, id="a queue does not pause"),
        pytest.param([Load("sms", 60, at(60)), Load("sms", 60)], {"sms": 1}, 61, id="nor does it work ahead"),
        pytest.param([Load("sms", 60, at(-5))], {"sms": 1}, 1, id="due before the start waits for the start"),
        pytest.param([Load("sms", 60), Load("voice", 1)], {"sms": 1}, None, id="a channel without a carrier"),
    ],
)
def test_when_work_is_done(loads: list[Load], rates: dict[str, float], minutes: float | None) -> None:
    assert finish(Work(tuple(loads)), rates, NOON) == (None if minutes is None else at(minutes))


def test_an_escalation_takes_until_its_last_channel_is_looked_at() -> None:
    """A cut-off before the second channel's turn is a mistake that is told, even if the first channel is quick."""
    work = Work((Load("sms", 60),), further_steps=2)
    assert finish(work, {"sms": 1}, NOON, dt.timedelta(minutes=15)) == at(31)


@pytest.mark.parametrize(
    ("finishes_by", "cut_off_at", "late", "words"),
    [
        (at(10), at(9), True, "ends about 2026-11-23 12:10 UTC, after its cut-off at 2026-11-23 12:09 UTC"),
        (at(10), at(10), False, "ends about 2026-11-23 12:10 UTC, before its cut-off at 2026-11-23 12:10 UTC."),
        (at(10), None, False, "It ends about 2026-11-23 12:10 UTC."),
        (None, at(9), False, "not known; its cut-off at 2026-11-23 12:09 UTC holds."),
        (None, None, False, ""),
    ],
)
def test_a_forecast_in_words(
    finishes_by: dt.datetime | None, cut_off_at: dt.datetime | None, late: bool, words: str
) -> None:
    made = FinishForecast(finishes_by, cut_off_at)
    assert made.late is late
    assert words in made.in_words()
    assert (made.as_dict()["late_warning"] is not None) is late


def test_ledger_and_rendered_messages_come_to_the_same(organisation: Organisation) -> None:
    """Segments of text messages, recipients of email, what waits for its time, and further channels of an escalation."""
    organisation.change_account("sms", rate_per_s=1)
    organisation.change_account("email", rate_per_s=1)
    settings = {"delivery": "escalation", "escalate_after_s": 600}
    later = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)
    for channels, row, expected in (
        (("sms",), {"segments": 3}, dt.timedelta(seconds=30)),
        (("email",), {"segments": 3}, dt.timedelta(seconds=10)),
        (("sms", "email"), {}, dt.timedelta(seconds=10 + 600)),
        (("sms",), {"not_before": later}, dt.timedelta(hours=1, seconds=10)),
    ):
        campaign = organisation.campaign(10, channels, row=row, settings=settings)
        messages = TableFile(f"{organisation.folder}/{campaign.token}/messages.parquet")
        with organisation.engine.connect() as connection:
            now = dt.datetime.now(dt.UTC)
            made, work = forecast_of_ledger(connection, campaign, now)
        rendered = work_of_messages(messages)
        assert rendered.units_by_channel() == work.units_by_channel() == campaign.counts["units"]
        assert rendered.further_steps == work.further_steps
        assert made.finishes_by is not None
        assert abs(made.finishes_by - now - expected) < dt.timedelta(seconds=5)


def test_who_lets_a_campaign_go_on_is_told_that_it_is_late_now(organisation: Organisation) -> None:
    """In time when it was loaded, late after an hour's pause, and in time again at a higher rate: the alert is over."""
    organisation.change_account("sms", rate_per_s=1)
    campaign = organisation.campaign(60, cut_off_at=in_minutes(5))
    open_alerts = "select count(*) from alert where reason = 'cut_off_at_risk' and resolved_at is null"
    assert campaign.counts["late"] is False
    for rate, late in ((0.1, True), (1, False)):
        pause(organisation.engine, campaign.id, actor="test")
        organisation.change_account("sms", rate_per_s=rate)
        resumed = resume(organisation.engine, campaign.id, actor="test")
        assert resumed.counts["late"] is late
        assert organisation.query(open_alerts)[0][0] == late


def test_an_approval_that_comes_late_says_so(organisation: Organisation) -> None:
    """The time that a campaign waited for a person counts."""
    organisation.change_account("sms", rate_per_s=1)
    campaign = organisation.received(cut_off_at=in_minutes(2))
    with organisation.engine.begin() as connection:
        begin_preparing(connection, campaign.id, "run")
    tables = organisation.tables(campaign, [f"+4477009{n:05d}" for n in range(60)])
    loaded = load_ledger(organisation.engine, campaign.id, *tables, actor="run", needs_approval=True)
    assert loaded.late is False
    organisation.execute("update campaign set cut_off_at = now() + interval '30 s'")
    assert approve(organisation.engine, campaign.id, actor="test").counts["late"] is True
