"""Budgets: what is over one waits before anything is sent, and campaigns at the same time cannot both slip under it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine

from nightmail.campaigns.budgets import over_budget, spent_in_month
from nightmail.campaigns.campaign_rows import CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.transitions import cancel
from nightmail.organisation.audience_rules import AudienceRules, StatedRules
from nightmail.store.clock import database_time
from tests.support.sending_rig import Organisation

TOLD = {"base_url": "http://127.0.0.1:1", "twilio": {"account_sid": "AC1", "auth_token": "x"}}


@pytest.fixture
def rig(database: Engine, tmp_path: Path) -> Organisation:
    return Organisation(database, tmp_path, TOLD)


def rules(rig: Organisation, *budgets: dict[str, Any]) -> tuple[StatedRules, ...]:
    """The budgets of ``acme`` and ``acme.billing``."""
    teams = (("acme", rig.parent_id), ("acme.billing", rig.team_id))
    return tuple(
        StatedRules(path, number, AudienceRules.model_validate({"budget": budget}))
        for (path, number), budget in zip(teams, budgets, strict=False)
    )


def prepared(rig: Organisation, costs: dict[str, str], *, standby: str = "0", unpriced: int = 0) -> CampaignRow:
    """A campaign whose messages are rendered and priced."""
    campaign = rig.received()
    messages = {"costs": costs, "standby_costs": {"EUR": standby}, "unpriced": unpriced}
    with rig.engine.begin() as connection:
        record_counts(connection, campaign.id, {"stages": {"messages": messages}})
        return get_campaign(connection, campaign.id)


def asked(rig: Organisation, campaign: CampaignRow, *budgets: dict[str, Any]) -> str | None:
    """The reason for which the campaign waits."""
    with rig.engine.begin() as connection:
        found = over_budget(connection, campaign, rules(rig, *budgets), campaign.counts)
    return None if found is None else found["reason"]


@pytest.mark.parametrize(
    ("costs", "more", "budgets", "expected"),
    [
        ({"EUR": "100"}, {}, [], None),
        ({"EUR": "100"}, {}, [{"campaign": {"EUR": 100}}], None),
        ({"EUR": "100.01"}, {}, [{"campaign": {"EUR": 100}}], "budget_campaign"),
        ({"EUR": "90"}, {"standby": "20"}, [{"campaign": {"EUR": 100}}], "budget_campaign"),
        # A team's own budget does not lift that of the team above
        ({"EUR": "100"}, {}, [{"campaign": {"EUR": 50}}, {"campaign": {"EUR": 500}}], "budget_campaign"),
        ({"EUR": "100"}, {}, [{"campaign": {"EUR": 500}}, {"campaign": {"EUR": 50}}], "budget_campaign"),
        # What cannot be compared is over it
        ({"USD": "1"}, {}, [{"campaign": {"EUR": 500}}], "budget_campaign"),
        ({"EUR": "1"}, {"unpriced": 3}, [{"campaign": {"EUR": 500}}], "budget_unpriced"),
        ({"EUR": "1"}, {}, [{"month": {"EUR": 0}}], "budget_month"),
        ({}, {}, [{"month": {"EUR": 0}}], None),
    ],
)
def test_one_campaign(
    rig: Organisation, costs: dict[str, str], more: dict[str, Any], budgets: list[dict[str, Any]], expected: str | None
) -> None:
    assert asked(rig, prepared(rig, costs, **more), *budgets) == expected


def test_a_month_counts_what_was_let_go(rig: Organisation) -> None:
    """Not what is over it, nor what was cancelled before anything was sent; a later month is another one."""
    month = {"month": {"EUR": 100}}
    first, over, fits = (prepared(rig, {"EUR": amount}) for amount in ("60", "50", "40"))
    assert asked(rig, first, month) is None
    assert asked(rig, over, month) == "budget_month"
    assert asked(rig, fits, month) is None
    assert asked(rig, first, month) is None  # looked at again, it is not counted twice
    with rig.engine.connect() as connection:
        now = database_time(connection)
        assert spent_in_month(connection, "acme", now) == {"EUR": 100}
        assert spent_in_month(connection, "acme", now + dt.timedelta(days=40)) == {}
    cancel(rig.engine, first.id, actor="test")
    assert asked(rig, over, month) is None


def test_campaigns_at_the_same_time_cannot_both_slip_under_it(rig: Organisation) -> None:
    campaigns = [prepared(rig, {"EUR": "60"}) for _ in range(4)]
    together = Barrier(len(campaigns))
    found: list[str | None] = []

    def look(campaign: CampaignRow) -> None:
        together.wait()
        found.append(asked(rig, campaign, {"month": {"EUR": 130}}))

    looks = [Thread(target=look, args=(campaign,)) for campaign in campaigns]
    for each in looks:
        each.start()
    for each in looks:
        each.join()
    assert sorted(map(str, found)) == ["None", "None", "budget_month", "budget_month"]
