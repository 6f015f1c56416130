"""Imports into the address book by the API: looked at, applied, taken back; what is refused says why."""

from __future__ import annotations

from typing import Any

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal


def test_a_file_is_looked_at_applied_and_taken_back(portal: RunningPortal, organisation: Organisation) -> None:
    key = organisation.key()

    def ask(method: str, path: str, status: int, **body: Any) -> Any:
        answer = portal.api(method, f"/v1/contacts/imports{path}", key, **body)
        assert answer.status_code == status, answer.text
        return answer.json()

    rows = "\n".join(f"C{n},+4917012345{n:02}" for n in range(30))
    seen = ask("POST", "?mode=update&name=people.csv", 201, content=f"external_id,phone\n{rows}\nX,12\n".encode())
    assert (seen["state"], seen["counts"]["new"], seen["counts"]["refused"]) == ("checked", 30, 1)
    assert organisation.rows("select * from contact") == []
    assert ask("POST", f"/{seen['id']}/apply", 200, json={})["state"] == "applied"
    assert len(organisation.rows("select * from contact")) == 30

    cut = ask("POST", "?mode=replace&name=people.csv", 201, content=b"external_id,phone\nC1,+491701234501\n")
    assert cut["waits_for"]["reason"] == "import_removes_many"
    refused = ask("POST", f"/{cut['id']}/apply", 409, json={})
    assert refused["reason"] == "import_removes_many" and refused["remedy"]
    assert ask("POST", f"/{cut['id']}/apply", 200, json={"although": True})["counts"]["removed"] == 29
    assert ask("POST", f"/{cut['id']}/undo", 200)["undone"]["restored"] == 29
    assert ask("POST", f"/{cut['id']}/discard", 409)["reason"] == "import_not_in_state"
    assert [each["state"] for each in ask("GET", "", 200)["items"]] == ["undone", "applied"]
    assert ask("POST", "?mode=add&name=x.csv", 422, content=b"")["reason"] == "file_empty"
    assert ask("POST", "?mode=merge&name=x.csv", 422, content=b"x")["reason"] == "request_invalid"
    assert ask("GET", "/99", 404)["reason"] == "import_unknown"


def test_a_key_needs_the_permission(portal: RunningPortal, organisation: Organisation) -> None:
    only_sees = organisation.key(Permission.CONTACT_SEE)
    path = "/v1/contacts/imports?mode=add&name=x.csv"
    answer = portal.api("POST", path, only_sees, content=b"external_id,phone\nC1,+491701234501\n")
    assert answer.status_code == 403
