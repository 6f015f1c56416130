"""Consents and preferences by the API."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal


@pytest.fixture
def category(organisation: Organisation) -> str:
    """The name of a category that there is."""
    return str(organisation.rows("select name from category order by id limit 1")[0]["name"])


def test_a_consent_is_given_taken_back_and_told(
    portal: RunningPortal, organisation: Organisation, category: str
) -> None:
    key = organisation.key()
    given: dict[str, Any] = {
        "contact": "C-1",
        "category": category,
        "how": "web form",
        "at": "2026-01-02T10:00:00Z",
        "proof": "form 4711",
    }
    assert portal.api("POST", "/v1/consents", key, json=given).json() == {"added": 1, "already": 0, "request": None}
    assert portal.api("POST", "/v1/consents", key, json=given).json() == {"added": 0, "already": 1, "request": None}
    back = {"contact": "C-1", "category": category, "how": "call", "channel": "sms", "at": "2026-02-02T10:00:00Z"}
    assert portal.api("POST", "/v1/consents/withdrawals", key, json=back).status_code == 201
    answer = portal.api("GET", "/v1/consents?contact=C-1", key)
    states = {one["channel"]: one["state"] for one in answer.json()["holds_now"]}
    assert states.pop("sms") == "withdrawn"
    assert set(states.values()) == {"given"}
    assert "4711" not in answer.text
    only_reads = organisation.key(Permission.CONTACT_SEE)
    assert portal.api("POST", "/v1/consents", only_reads, json=given).status_code == 403
    nobody = portal.api("GET", "/v1/consents?contact=C-2", key).json()
    assert nobody == {"holds_now": [], "stated": [], "requests": []}


def test_texts_are_kept_and_the_evidence_is_handed_out(
    portal: RunningPortal, organisation: Organisation, category: str
) -> None:
    """Each version stays; sources and proofs are for who may see personal data, and that they were handed out is recorded."""
    key = organisation.key()
    for version, words in enumerate(("Yes, write to me.", "Yes, write to me weekly."), start=1):
        kept = portal.api("POST", "/v1/consents/texts", key, json={"name": "join", "text": words, "language": "en"})
        assert (kept.status_code, kept.json()) == (201, {"name": "join", "version": version})
    order = {"contact": "C-1", "category": category, "how": "form", "text": "join", "text_version": 1}
    portal.api("POST", "/v1/consents", key, json={**order, "proof": "form 4711", "source": "shop.example"})
    evidence = portal.api("GET", "/v1/consents/evidence?contact=C-1", key).json()
    (consent,) = evidence["consents"]
    assert (evidence["contact"], consent["text"], consent["proof"]) == ("C-1", "Yes, write to me.", "form 4711")
    looks = "select object as subject, detail from audit where action = 'personal.seen'"
    (look,) = organisation.rows(looks)
    assert look["subject"] == f"contact:{evidence['contact_id']}"
    masked = portal.api("GET", "/v1/consents/evidence?contact=C-1", organisation.key(Permission.CONTACT_SEE)).json()
    assert (masked["contact"], masked["consents"][0]["source"], masked["consents"][0]["proof"]) == (None, None, None)
    assert len(organisation.rows(looks)) == 1
    first = portal.api("GET", "/v1/consents/texts?limit=1", key).json()
    second = portal.api("GET", f"/v1/consents/texts?limit=1&cursor={first['next']}", key).json()
    assert [one["items"][0]["version"] for one in (first, second)] == [2, 1] and second["next"] is None
    assert portal.api("GET", "/v1/consents/texts?name=other", key).json()["items"] == []
    reads = organisation.key(Permission.CONTACT_SEE)
    assert portal.api("POST", "/v1/consents/texts", reads, json={"name": "x", "text": "y"}).status_code == 403


def test_preferences_are_recorded_and_told(portal: RunningPortal, organisation: Organisation, category: str) -> None:
    key = organisation.key()
    order = {"contact": "C-1", "changes": {"topics": {category: False}, "language": "EN_gb"}, "source": "call"}
    chosen = portal.api("POST", "/v1/preferences", key, json=order).json()["chosen"]
    assert (chosen["topics_out"], chosen["language"], chosen["source"]) == ([category], "en-GB", "call")
    late = {"contact": "C-1", "changes": {"topics": {category: True}}, "at": "2026-01-01T00:00:00Z"}
    assert portal.api("POST", "/v1/preferences", key, json=late).json()["chosen"]["topics_out"] == [category]
    found = portal.api("GET", "/v1/preferences?contact=C-1", key).json()
    assert [one["source"] for one in found["history"]] == ["api", "call"]


@pytest.mark.parametrize(
    ("path", "changed", "reason"),
    [
        ("/v1/consents", {"category": "nothing"}, "category_unknown"),
        ("/v1/consents", {"at": "2036-01-01T00:00:00Z"}, "consent_time_future"),
        (
            "/v1/consents",
            {"at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"},
            "consent_expires_before",
        ),
        ("/v1/consents", {"text": "none"}, "consent_text_unknown"),
        ("/v1/consents", {"team": "elsewhere"}, "team_unknown"),
        ("/v1/preferences", {"changes": {}}, "preference_empty"),
        ("/v1/preferences", {"changes": {"time_zone": "Mars/Olympus"}}, "preference_time_zone_unknown"),
        ("/v1/preferences", {"changes": {"quiet_from": "21:00"}}, "quiet_hours_invalid"),
    ],
)
def test_what_cannot_be_recorded_is_refused(
    portal: RunningPortal, organisation: Organisation, category: str, path: str, changed: dict[str, Any], reason: str
) -> None:
    consent = {"contact": "C-1", "category": category, "how": "call"}
    body = {**(consent if path == "/v1/consents" else {"contact": "C-1"}), **changed}
    answer = portal.api("POST", path, organisation.key(), json=body)
    assert (answer.status_code // 100, answer.json()["reason"]) == (4, reason)
    assert organisation.rows("select 1 as n from consent") == organisation.rows("select 1 as n from preference") == []
