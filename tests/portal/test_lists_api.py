"""Segments, lists and campaigns of them by the API: from a rule to what is sent, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal

TEAM = "acme.billing"
RULE = {"on": "attribute", "name": "city", "test": "is_one_of", "value": ["Bath"]}


@pytest.fixture
def book(organisation: Organisation) -> Organisation:
    """Three contacts of the team, two of them in Bath."""
    team = organisation.teams[TEAM]
    organisation.change(
        "insert into contact_attribute (team_id, name, type, created_by) values (:team, 'city', 'text', 'x'), "
        "(:team, 'time', 'text', 'x')",
        team=team,
    )
    for number, city in enumerate(("Bath", "Bath", "Leeds"), start=1):
        organisation.change(
            "insert into contact (id, team_id, contact_id, external_id, phone, attributes) overriding system value values "
            "(:number, :team, :contact, :id, :phone, jsonb_build_object('city', cast(:city as text), 'time', '9:00'))",
            number=number,
            team=team,
            contact=f"{number:032x}",
            id=f"C-{number}",
            phone=f"+44740010000{number}",
            city=city,
        )
    return organisation


def test_from_a_rule_to_a_campaign(portal: RunningPortal, book: Organisation) -> None:
    key = book.key()

    def ask(method: str, path: str, status: int, **body: Any) -> Any:
        answer = portal.api(method, path, key, **({"json": body} if body else {}))
        assert answer.status_code == status, answer.text
        return answer.json()

    assert ask("POST", "/v1/segments/count", 200, rule=RULE) == {"sentence": "city is Bath", "contacts": 2}
    segment = ask("POST", "/v1/segments", 201, name="Bath", rule=RULE)
    assert ask("GET", f"/v1/segments/{segment['id']}", 200)["contacts"] == 2
    entries = [
        {"kind": "segment", "id": segment["id"]},
        {"kind": "contact", "id": 1, "excluded": True},
        {"kind": "contact", "id": 3},
    ]
    made = ask("POST", "/v1/lists", 201, name="Customers", entries=entries)
    assert ask("GET", f"/v1/lists/{made['id']}", 200)["contacts"] == 2
    page = ask("GET", f"/v1/lists/{made['id']}/entries?limit=2", 200)
    assert [entry["name"] for entry in page["items"]] == ["Bath", "C-1"]
    rest = ask("GET", f"/v1/lists/{made['id']}/entries?limit=2&cursor={page['next']}", 200)
    assert ([entry["name"] for entry in rest["items"]], rest["next"]) == (["C-3"], None)
    sent = ask("POST", "/v1/campaigns", 202, template="visit", list="Customers")
    assert (sent["state"], sent["contacts"], sent["campaign"]["source"]) == ("taken", 2, "list")
    assert ask("POST", "/v1/campaigns", 200, template="visit", list="customers")["state"] == "repeated"
    made_of = ask("GET", f"/v1/campaigns/{sent['campaign']['id']}", 200)["made_of"]
    assert (made_of["kind"], made_of["name"], made_of["contacts"]) == ("list", "Customers", 2)
    seen = {"sha256": sent["sha256"], "contacts": 2}
    again = {"template": "visit", "list": "Customers", "again": True, "seen": seen}
    assert ask("POST", "/v1/campaigns", 202, **again)["state"] == "taken"
    changed = ask("PATCH", f"/v1/lists/{made['id']}", 200, version=made["version"], entries=entries[:1])
    assert ask("POST", "/v1/campaigns", 409, **again)["reason"] == "list_audience_changed"
    assert ask("PATCH", f"/v1/lists/{made['id']}", 409, version=1, name="Old")["reason"] == "list_changed_since"
    renamed = ask("PATCH", f"/v1/lists/{made['id']}", 200, version=changed["version"], name="All")
    assert ask("GET", "/v1/lists", 200)["items"] == [renamed]
    assert ask("DELETE", f"/v1/segments/{segment['id']}", 409)["reason"] == "list_in_use"
    ask("DELETE", f"/v1/lists/{made['id']}", 200)
    ask("DELETE", f"/v1/segments/{segment['id']}", 200)
    assert ask("GET", f"/v1/segments/{segment['id']}", 404)["reason"] == "segment_unknown"
    files = list(portal.settings.incoming_dir.rglob("*.parquet"))
    assert len(files) == 2, "what was refused or repeated leaves no file of contacts behind"


def test_a_page_of_lists_goes_on_by_name(portal: RunningPortal, book: Organisation) -> None:
    key = book.key()
    for name in ("b", "C", "a"):
        assert portal.api("POST", "/v1/lists", key, json={"name": name}).status_code == 201
    first = portal.api("GET", "/v1/lists?limit=2", key)
    assert ([row["name"] for row in first.json()["items"]], first.json()["next"]) == (["a", "b"], "b")
    assert 'rel="next"' in first.headers["Link"]
    rest = portal.api("GET", f"/v1/lists?limit=2&after={first.json()['next']}", key).json()
    assert ([row["name"] for row in rest["items"]], rest["next"]) == (["C"], None)


REFUSED: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "an unknown category": (
        "/v1/segments",
        {"name": "x", "rule": {"on": "consent", "name": "shoes", "test": "given"}},
        422,
        "segment_name_unknown",
    ),
    "a zone that does not exist": (
        "/v1/segments",
        {"name": "x", "rule": {"on": "field", "name": "time_zone", "test": "is_one_of", "value": ["Mars/Base"]}},
        422,
        "segment_zone_unknown",
    ),
    "an entry of another team": (
        "/v1/lists",
        {"name": "x", "entries": [{"kind": "contact", "id": 99}]},
        422,
        "list_entry_invalid",
    ),
    "no source": ("/v1/campaigns", {"template": "visit"}, 422, "request_invalid"),
    "two sources": ("/v1/campaigns", {"template": "visit", "list": "a", "segment": "b"}, 422, "request_invalid"),
    "a list that is none": ("/v1/campaigns", {"template": "visit", "list": "a"}, 404, "list_unknown"),
    "a segment that is none": ("/v1/campaigns", {"template": "visit", "segment": "a"}, 404, "segment_unknown"),
    "a template that is none": ("/v1/campaigns", {"template": "none", "list": "a"}, 422, "template_unknown"),
    "a time that is over": (
        "/v1/campaigns",
        {"template": "visit", "segment": "All", "at": "2020-01-01T08:00"},
        422,
        "time_invalid",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_said_and_makes_nothing(portal: RunningPortal, book: Organisation, case: str) -> None:
    path, body, status, reason = REFUSED[case]
    book.change(
        "insert into segment (team_id, name, rule, changed_by) values (:team, 'All', '{\"all\": []}', 'x')",
        team=book.teams[TEAM],
    )
    answer = portal.api("POST", path, book.key(), json=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert book.rows("select * from campaign") == []


def test_who_may_send_may_not_look(portal: RunningPortal, book: Organisation) -> None:
    """A key that sends lists by name needs not see who is in them."""
    book.change(
        "insert into segment (team_id, name, rule, changed_by) values (:team, 'All', '{\"all\": []}', 'x')",
        team=book.teams[TEAM],
    )
    key = book.key(Permission.CAMPAIGN_SEND)
    sent = portal.api("POST", "/v1/campaigns", key, json={"template": "visit", "segment": "All"})
    assert sent.status_code == 202
    assert portal.api("GET", "/v1/segments", key).status_code == 403
