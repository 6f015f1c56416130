"""Senders on the real ledger and the sandbox's carriers: once each, fairly, urgent first, and no further than allowed."""

from __future__ import annotations

from tests.sandbox_process import RunningCarriers
from tests.sending.organisation import Organisation


def test_a_campaign_is_handed_off_once_and_finishes(organisation: Organisation, sandbox: RunningCarriers) -> None:
    """Every message of a small campaign is accepted once by the carrier, under its own id."""
    campaign = organisation.campaign(250)
    summary = organisation.drain()
    assert summary.accepted == 250
    ids = [line["message_id"] for line in sandbox.accepted() if line["message_id"].startswith(campaign.token)]
    assert len(ids) == len(set(ids)) == 250
    rows = organisation.messages(campaign)
    assert {row["message_id"] for row in rows} == set(ids)
    assert all(row["state"] == "accepted" and row["carrier_message_id"] and row["handed_off_at"] for row in rows)
    after = organisation.read(campaign)
    assert after.state == "finished" and after.first_hand_off_at is not None
    assert organisation.query("select count(*) from attempt where outcome = 'accepted'")[0][0] == 250
