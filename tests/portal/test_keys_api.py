"""API keys over the API, and what an answer shows without the right to see personal data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal

EDIT = (Permission.KEY_SEE, Permission.KEY_EDIT)


def test_a_program_makes_rotates_and_revokes_keys(portal: RunningPortal, organisation: Organisation) -> None:
    """With no more than it holds; the secret is in the answer that made it, and in no other."""
    maker = organisation.key(*EDIT, Permission.FILE_UPLOAD, Permission.CAMPAIGN_SEE)
    order = {"name": "crm", "permissions": ["file.upload", "campaign.see"]}
    made = portal.api("POST", "/v1/keys", maker, json=order)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert made.json()["team"] == "acme.billing"
    assert made.json()["created_by"].startswith("key:")
    used = portal.api("GET", "/v1/campaigns", made.json()["key"])
    assert used.status_code == 200
    assert portal.api("GET", "/v1/keys", made.json()["key"]).status_code == 403
    for wrong, reason, status in (
        ({**order, "name": "x", "permissions": ["report.see"]}, "grant_exceeds_yours", 403),
        (order, "key_exists", 409),
        ({**order, "name": "x", "team": "acme"}, "team_unknown", 404),
        ({**order, "name": "x", "permissions": ["moon.visit"]}, "permission_unknown", 422),
        ({**order, "name": "x", "allowed_networks": ["10.1.2.3/8"]}, "network_wrong", 422),
        ({**order, "name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "key_over", 422),
    ):
        answer = portal.api("POST", "/v1/keys", maker, json=wrong)
        assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    number = made.json()["id"]
    rotated = portal.api("POST", f"/v1/keys/{number}/rotate", maker, json={"overlap_hours": 1})
    assert rotated.status_code == 201
    for key in (made.json()["key"], rotated.json()["key"]):
        assert portal.api("GET", "/v1/campaigns", key).status_code == 200
    listed = portal.api("GET", "/v1/keys", maker)
    assert rotated.json()["key"] not in listed.text
    assert [entry["state"] for entry in listed.json()["items"]] == ["active", "replaced", "active"]
    assert portal.api("DELETE", f"/v1/keys/{rotated.json()['id']}", maker).json()["state"] == "revoked"
    assert portal.api("GET", "/v1/campaigns", rotated.json()["key"]).status_code == 401
    care = organisation.key(team="acme.care")
    assert portal.api("DELETE", f"/v1/keys/{number}", care).status_code == 404


def test_a_key_comes_from_its_networks_alone(start_portal: PortalStarter, organisation: Organisation) -> None:
    """By the peer's address: what a client says of itself in a header moves nothing."""
    portal = start_portal()
    maker = organisation.key()
    key = {"name": "far", "permissions": ["campaign.see"], "allowed_networks": ["203.0.113.0/24"]}
    far = portal.api("POST", "/v1/keys", maker, json=key).json()["key"]
    for headers in ({}, {"X-Forwarded-For": "203.0.113.7"}, {"Forwarded": "for=203.0.113.7"}):
        answer = portal.api("GET", "/v1/campaigns", far, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, "key_network")
    near = {**key, "name": "near", "allowed_networks": ["127.0.0.0/8"]}
    taken = portal.api("GET", "/v1/campaigns", portal.api("POST", "/v1/keys", maker, json=near).json()["key"])
    assert taken.status_code == 200


def test_a_trusted_proxy_says_where_a_request_comes_from(
    start_portal: PortalStarter, organisation: Organisation
) -> None:
    portal = start_portal(trusted_proxies="127.0.0.1")
    key = {"name": "far", "permissions": ["campaign.see"], "allowed_networks": ["203.0.113.0/24"]}
    far = portal.api("POST", "/v1/keys", organisation.key(), json=key).json()["key"]
    told = portal.api("GET", "/v1/campaigns", far, headers={"X-Forwarded-For": "203.0.113.7"})
    assert told.status_code == 200
    other = portal.api("GET", "/v1/campaigns", far, headers={"X-Forwarded-For": "203.0.114.7"})
    assert other.json()["reason"] == "key_network"


def test_without_personal_see_nobody_reads_what_was_said(portal: RunningPortal, organisation: Organisation) -> None:
    """Replies are seen to be there; the reject file, which is nothing but personal data, is not given at all."""
    campaign = organisation.campaign()
    with organisation.engine.begin() as connection:
        connection.execute(
            text(
                "insert into reply (event_key, team_id, campaign_id, channel, kind, address, address_hash, text, received_at, media) "
                "values ('e1', :team, :campaign, 'sms', 'text', '+4915112345678', 'h', 'my ward is 7', now(), cast(:media as jsonb))"
            ),
            {
                "team": organisation.teams["acme.billing"],
                "campaign": campaign.id,
                "media": json.dumps([{"url": "https://x.example/1", "content_type": "image/png", "size": 1}]),
            },
        )
    without = organisation.key(*(set(Permission) - {Permission.PERSONAL_SEE}))
    full = organisation.key()
    for path in ("/v1/replies", f"/v1/campaigns/{campaign.key}/replies"):
        hidden, shown = portal.api("GET", path, without), portal.api("GET", path, full)
        assert "my ward is 7" not in hidden.text
        assert "x.example" not in hidden.text
        assert "15112345" not in hidden.text
        assert hidden.json()["items"][0]["text"] is None
        assert shown.json()["items"][0]["text"] == "my ward is 7"
    refused = portal.api("GET", f"/v1/campaigns/{campaign.key}/rejects.csv", without)
    assert (refused.status_code, refused.json()["reason"]) == (403, "permission_missing")


def test_a_webhook_of_a_key_without_personal_see_is_not_told_what_was_said(
    start_portal: PortalStarter, organisation: Organisation
) -> None:
    portal = start_portal(webhook_private_addresses=True)
    order = {"url": "http://127.0.0.1:9/", "events": ["reply.received"]}
    for key in (organisation.key(Permission.WEBHOOK_EDIT), organisation.key()):
        assert portal.api("POST", "/v1/webhooks", key, json=order).status_code == 201
    with organisation.engine.begin() as connection:
        connection.execute(
            text(
                "insert into reply (event_key, team_id, channel, kind, address, address_hash, text, received_at) "
                "values ('e1', :team, 'sms', 'text', '+4915112345678', 'h', 'my ward is 7', now())"
            ),
            {"team": organisation.teams["acme.billing"]},
        )
        told = connection.scalars(text("select body -> 'data' ->> 'text' from webhook_call order by webhook_id")).all()
    assert told == [None, "my ward is 7"]


def test_a_key_that_is_over_is_refused(portal: RunningPortal, organisation: Organisation) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    order = {"name": "short", "permissions": ["campaign.see"], "expires_at": soon}
    made = portal.api("POST", "/v1/keys", organisation.key(), json=order).json()
    assert portal.api("GET", "/v1/campaigns", made["key"]).status_code == 200
    with organisation.engine.begin() as connection:
        connection.execute(text("update api_key set expires_at = now() where id = :id"), {"id": made["id"]})
    assert portal.api("GET", "/v1/campaigns", made["key"]).json()["reason"] == "key_expired"
