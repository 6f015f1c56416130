"""Two people at the page of approvals: who made a campaign is told so, another one approves what they saw."""

from __future__ import annotations

import re

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import get_campaign
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn


def test_two_people_approve_a_campaign(organisation: Organisation, sign_in: SignIn) -> None:
    maker, other = (sign_in(Permission.CAMPAIGN_APPROVE, name=name) for name in ("Ann", "Ben"))
    stranger = sign_in(Permission.REPORT_SEE, name="Cleo")
    people = {row["name"]: row["id"] for row in organisation.rows("select id, name from person")}
    campaign = organisation.campaign()
    organisation.move(campaign, "checking", "awaiting_approval")
    organisation.change("update team set settings = '{\"four_eyes\": {\"always\": true}}' where path = 'acme'")
    with organisation.engine.begin() as connection:
        write_entry(connection, actor=f"person:{people['Ann']}", action="campaign.created", subject=campaign.key)
        found = get_campaign(connection, campaign.id)
        ask_for_approval(connection, found, {"reason": "x", "message": "Look at it."}, actor="test")

    assert stranger.get("/approvals").status_code == 404
    page = maker.get("/approvals").text
    assert campaign.key in page and "somebody else must approve it" in page and 'name="seen"' not in page
    page = other.get("/approvals").text
    assert campaign.key in page and "campaigns wait for your approval" in page
    form = dict(re.findall(r'name="(csrf|campaign|seen)" value="([^"]*)"', page))
    own = dict(form) | {"csrf": re.findall(r'name="csrf" value="([^"]*)"', maker.get("/me").text)[0]}
    refused = maker.post("/approvals", data=own)
    assert refused.status_code == 422 and "did not make, change or ask for it" in refused.text
    outdated = other.post("/approvals", data=form | {"seen": "0" * 64})
    assert outdated.status_code == 422 and "It was not approved" in outdated.text
    assert other.post("/approvals", data=form).status_code == 303
    assert organisation.rows("select state from campaign where id = :id", id=campaign.id) == [{"state": "sending"}]
    assert "Nothing waits for approval" in other.get("/approvals").text
    assert other.post("/approvals", data=form).status_code == 404
