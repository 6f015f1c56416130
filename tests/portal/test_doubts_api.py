"""Messages in doubt over HTTP: seen and decided by their team and those above, by the rules of the command line."""

from __future__ import annotations

import pytest

from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import CampaignRow
from portal.api import doubts
from tests.portal.conftest import Organisation, RunningPortal


def in_doubt(organisation: Organisation, team: str = "acme.billing", count: int = 1) -> tuple[CampaignRow, list[str]]:
    campaign = organisation.campaign(team)
    ids = [organisation.message(campaign, line, state="in_doubt") for line in range(2, 2 + count)]
    return campaign, ids


def test_doubts_are_listed_by_pages(portal: RunningPortal, organisation: Organisation) -> None:
    """Of the key's team and those below; a campaign of another team does not exist."""
    billing, ids = in_doubt(organisation, count=3)
    care, theirs = in_doubt(organisation, "acme.care")
    organisation.message(billing, 9, state="accepted")
    key = organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
    first = portal.api("GET", "/v1/doubts?limit=2", key)
    rest = portal.api("GET", first.links["next"]["url"], key)
    listed = first.json()["items"] + rest.json()["items"]
    assert [item["message"] for item in listed] == ids
    assert {item["campaign"] for item in listed} == {billing.key}
    assert rest.json()["next"] is None
    above = organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE, team="acme")
    assert len(portal.api("GET", "/v1/doubts", above).json()["items"]) == 4
    of_care = portal.api("GET", f"/v1/doubts?campaign={care.key}", above).json()["items"]
    assert [item["message"] for item in of_care] == theirs
    assert portal.api("GET", f"/v1/doubts?campaign={care.key}", key).json()["reason"] == "campaign_unknown"


@pytest.mark.parametrize("decision", ["accepted", "failed", "resend"])
def test_a_message_is_decided_once(portal: RunningPortal, organisation: Organisation, decision: str) -> None:
    _, (first, *_) = in_doubt(organisation, count=2)
    key = organisation.key(Permission.DOUBT_DECIDE)
    decided = portal.api("POST", f"/v1/doubts/{first}", key, json={"decision": decision})
    assert (decided.status_code, decided.json()) == (200, {"decision": decision, "decided": 1, "left": 1})
    again = portal.api("POST", f"/v1/doubts/{first}", key, json={"decision": decision})
    assert (again.status_code, again.json()["reason"]) == (409, "message_not_in_doubt")
    states = organisation.rows("select state from message order by message_key")
    assert [row["state"] for row in states] == ["queued" if decision == "resend" else decision, "in_doubt"]
    (trail,) = organisation.rows("select actor, action from audit where action like 'message.%'")
    assert trail["actor"].startswith("key:") and trail["action"] == f"message.decided_{decision}"


def test_who_may_not_decide(portal: RunningPortal, organisation: Organisation) -> None:
    """Another team's message does not exist, reading is not deciding, and there are three decisions."""
    campaign, (message,) = in_doubt(organisation)
    care = organisation.key(Permission.DOUBT_DECIDE, team="acme.care")
    order = {"decision": "failed"}
    for path in (f"/v1/doubts/{message}", "/v1/doubts/nonsense", f"/v1/campaigns/{campaign.key}/doubts"):
        assert portal.api("POST", path, care, json=order).status_code == 404
    reader = organisation.key(
        Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE, Permission.CAMPAIGN_CONTROL, Permission.CAMPAIGN_APPROVE
    )
    assert portal.api("POST", f"/v1/doubts/{message}", reader, json=order).status_code == 403
    key = organisation.key(Permission.DOUBT_DECIDE)
    wrong = portal.api("POST", f"/v1/doubts/{message}", key, json={"decision": "maybe"})
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "body.decision")
    assert organisation.rows("select 1 from message where state <> 'in_doubt'") == []


def test_a_campaigns_doubts_are_decided_by_portions(
    portal: RunningPortal, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "AT_ONCE", 2)
    campaign, _ = in_doubt(organisation, count=3)
    key = organisation.key(Permission.DOUBT_DECIDE)
    path = f"/v1/campaigns/{campaign.key}/doubts"
    answers = [portal.api("POST", path, key, json={"decision": "failed"}).json() for _ in range(3)]
    assert [(answer["decided"], answer["left"]) for answer in answers] == [(2, 1), (1, 0), (0, 0)]


def test_nothing_of_a_campaign_that_is_over_is_sent_again(portal: RunningPortal, organisation: Organisation) -> None:
    campaign, (message,) = in_doubt(organisation)
    key = organisation.key()
    assert portal.api("POST", f"/v1/campaigns/{campaign.key}/cancel", key).status_code == 200
    for path in (f"/v1/doubts/{message}", f"/v1/campaigns/{campaign.key}/doubts"):
        refused = portal.api("POST", path, key, json={"decision": "resend"})
        assert (refused.status_code, refused.json()["reason"]) == (409, "campaign_state")
