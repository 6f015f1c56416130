"""Suppressions over the API: seen up the tree, lifted down it, and never against a person's wish by the way."""

from __future__ import annotations

from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.privacy import address_hash
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal

NUMBER = "+491701234567"
WRITE = (Permission.SUPPRESSION_SEE, Permission.SUPPRESSION_EDIT)


def suppressed(
    organisation: Organisation, team: str | None, reason: str = "hard_bounce", message: str | None = None
) -> int:
    values = {
        "team": organisation.teams[team] if team else None,
        "hash": address_hash(NUMBER, SECRET_KEY.encode()),
        "reason": reason,
        "message": message,
    }
    with organisation.engine.begin() as connection:
        made = connection.execute(
            text(
                "insert into suppression (team_id, channel, address_hash, reason, source, message_id) "
                "values (:team, 'sms', :hash, :reason, 'receipt:twilio', :message) returning id"
            ),
            values,
        )
        return int(made.scalar_one())


def test_why_an_address_is_not_used(portal: RunningPortal, organisation: Organisation) -> None:
    """Of the teams above and below; a campaign is named to those that may see it; a bare plus sign is understood."""
    message_id = organisation.message(organisation.campaign("acme.care"))
    suppressed(organisation, "acme", message=message_id)
    suppressed(organisation, "acme.care", message=message_id)
    key = organisation.key(Permission.SUPPRESSION_SEE)
    seen = portal.api("GET", "/v1/suppressions", key, params={"address": "+49 170 1234567"}).json()
    assert [(row["team"], row["yours"], row["campaign"], row["message_id"]) for row in seen] == [
        ("acme", False, None, None)
    ]
    above = organisation.key(team="acme")
    assert portal.api("GET", f"/v1/suppressions?address={NUMBER}", above).json()[0]["message_id"] == message_id
    assert len(portal.api("GET", f"/v1/suppressions?address={NUMBER}&channel=sms", above).json()) == 2
    assert portal.api("GET", f"/v1/suppressions?address={NUMBER}&channel=voice", above).json() == []
    wrong = portal.api("GET", "/v1/suppressions?address=0170", key)
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "phone_country_needed")
    assert (
        portal.api("GET", f"/v1/suppressions?address={NUMBER}", organisation.key(Permission.REPORT_SEE)).status_code
        == 403
    )


def test_an_address_is_suppressed_once(portal: RunningPortal, organisation: Organisation) -> None:
    """For the key's team or one below, never one above or beside; sent again, it is answered alike."""
    key = organisation.key(*WRITE)
    order = {"address": "+49 170 1234567", "channel": "sms"}
    made = portal.api("POST", "/v1/suppressions", key, json=order)
    assert (made.status_code, made.json()["team"], made.json()["reason"]) == (201, "acme.billing", "by_hand")
    again = portal.api("POST", "/v1/suppressions", key, json={**order, "address": NUMBER})
    assert (again.status_code, again.json()) == (201, made.json())
    wish = portal.api("POST", "/v1/suppressions", key, json={**order, "asked_for": True}).json()
    assert (wish["reason"], wish["asked_for"]) == ("opted_out", True)
    for team in ("acme", "acme.care", "nobody"):
        foreign = portal.api("POST", "/v1/suppressions", key, json={**order, "team": team})
        assert (foreign.status_code, foreign.json()["reason"]) == (404, "team_unknown")
    mismatch = portal.api("POST", "/v1/suppressions", key, json={**order, "channel": "email"})
    assert (mismatch.status_code, mismatch.json()["reason"]) == (422, "address_not_of_channel")
    reader = organisation.key(Permission.SUPPRESSION_SEE)
    assert portal.api("POST", "/v1/suppressions", reader, json=order).status_code == 403
    audited = organisation.rows("select actor from audit where action = 'suppression.added'")
    assert len(audited) == 2 and all(row["actor"].startswith("key:") for row in audited)


def test_a_key_lifts_its_own_and_not_its_parents(portal: RunningPortal, organisation: Organisation) -> None:
    """403 for what it sees above, 404 for what it does not see, gone the second time; carriers' lists are told."""
    key = organisation.key(*WRITE)
    own, above, beside, for_all = (
        suppressed(organisation, team) for team in ("acme.billing", "acme", "acme.care", None)
    )
    for number in (above, for_all):
        refused = portal.api("DELETE", f"/v1/suppressions/{number}", key)
        assert (refused.status_code, refused.json()["reason"]) == (403, "suppression_above_team")
    assert portal.api("DELETE", f"/v1/suppressions/{beside}", key).json()["reason"] == "suppression_unknown"
    done = portal.api("DELETE", f"/v1/suppressions/{own}", key)
    assert (done.status_code, done.json()["lifted"]["id"]) == (200, own)
    assert {row["id"] for row in done.json()["in_force"]} == {above, for_all}
    assert "START" in done.json()["carriers_own_lists"][0]
    assert portal.api("DELETE", f"/v1/suppressions/{own}", key).status_code == 404
    assert portal.api("DELETE", f"/v1/suppressions/{beside}", organisation.key(team="acme")).status_code == 200
    left = organisation.rows("select id from suppression where lifted_at is null order by id")
    assert [row["id"] for row in left] == [above, for_all]


def test_a_wish_is_lifted_on_purpose_only(portal: RunningPortal, organisation: Organisation) -> None:
    """409 that says why and how; the audit log has the key."""
    key = organisation.key(*WRITE)
    number = suppressed(organisation, "acme.billing", "opted_out")
    refused = portal.api("DELETE", f"/v1/suppressions/{number}", key)
    assert (refused.status_code, refused.json()["reason"]) == (409, "suppression_asked_for")
    assert "although_asked_for=true" in refused.json()["remedy"]
    assert portal.api("DELETE", f"/v1/suppressions/{number}?although_asked_for=true", key).status_code == 200
    (entry,) = organisation.rows("select actor, detail from audit where action = 'suppression.lifted'")
    assert entry["actor"].startswith("key:") and entry["detail"]["reason"] == "opted_out"
