"""Imports into the address book by the API: taken at once, then looked at, applied and taken back in the background."""

from __future__ import annotations

from typing import Any

from nightmail.access.permissions import Permission
from nightmail.intake.import_work import imports_to_carry_out
from tests.portal.conftest import Organisation, RunningPortal
from tests.support.import_rounds import carry_on_all

PATH = "/v1/contacts/imports"


class Asking:
    """A program that asks, and the background that goes on between its requests."""

    def __init__(self, portal: RunningPortal, organisation: Organisation) -> None:
        self.portal, self.organisation, self.key = portal, organisation, organisation.key()

    def __call__(self, method: str, path: str, status: int, **body: Any) -> Any:
        answer = self.portal.api(method, f"{PATH}{path}", self.key, **body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def carry_on(self) -> None:
        carry_on_all(self.organisation.engine, self.portal.settings)

    def brought(self, mode: str, content: bytes) -> Any:
        """An import that was looked at."""
        taken = self("POST", f"?mode={mode}&name=people.csv", 202, content=content)
        assert (taken["state"], taken["counts"]) == ("received", {}), "nothing is done within the request"
        self.carry_on()
        return self("GET", f"/{taken['id']}", 200)


def test_a_file_is_looked_at_applied_and_taken_back(portal: RunningPortal, organisation: Organisation) -> None:
    ask = Asking(portal, organisation)
    rows = "\n".join(f"C{n},+4917012345{n:02}" for n in range(30))
    seen = ask.brought("update", f"external_id,phone\n{rows}\nX,12\n".encode())
    assert (seen["state"], seen["counts"]["new"], seen["counts"]["refused"]) == ("checked", 30, 1)
    assert ask("POST", f"/{seen['id']}/apply", 202, json={})["state"] == "applying"
    assert organisation.rows("select * from contact") == [], "the request only orders it"
    assert ask("POST", f"/{seen['id']}/apply", 202, json={})["state"] == "applying", "to ask again changes nothing"
    assert ask("POST", f"/{seen['id']}/discard", 409)["reason"] == "import_not_in_state"
    ask.carry_on()
    assert ask("GET", f"/{seen['id']}", 200)["applied_by"].startswith("key:")
    assert len(organisation.rows("select * from contact")) == 30

    cut = ask.brought("replace", b"external_id,phone\nC1,+491701234501\n")
    assert cut["waits_for"]["reason"] == "import_removes_many"
    refused = ask("POST", f"/{cut['id']}/apply", 409, json={})
    assert refused["reason"] == "import_removes_many" and "29 of 30" in refused["detail"] and refused["remedy"]
    ask("POST", f"/{cut['id']}/apply", 202, json={"although": True})
    ask.carry_on()
    assert ask("GET", f"/{cut['id']}", 200)["counts"]["removed"] == 29
    assert ask("POST", f"/{cut['id']}/undo", 202)["state"] == "undoing"
    ask.carry_on()
    assert ask("GET", f"/{cut['id']}", 200)["undone"]["restored"] == 29
    assert ask("POST", f"/{cut['id']}/discard", 409)["reason"] == "import_not_in_state"
    assert [each["state"] for each in ask("GET", "", 200)["items"]] == ["undone", "applied"]
    assert ask("POST", "?mode=add&name=x.csv", 422, content=b"")["reason"] == "file_empty"
    assert ask("POST", "?mode=merge&name=x.csv", 422, content=b"x")["reason"] == "request_invalid"
    assert ask("GET", "/99", 404)["reason"] == "import_unknown"


def test_what_comes_up_between_the_look_and_the_work_waits_for_somebody(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """The book grew meanwhile: a replacement that removed nobody would remove nearly everybody now."""
    ask = Asking(portal, organisation)
    seen = ask.brought("replace", b"external_id,phone\nC1,+491701234501\n")
    assert seen["waits_for"] is None
    organisation.change(
        "insert into contact (team_id, contact_id, external_id) "
        "select id, md5(n::text), 'E' || n from team, generate_series(1, 30) n where path = 'acme.billing'"
    )
    ask("POST", f"/{seen['id']}/apply", 202, json={})
    ask.carry_on()
    again = ask("GET", f"/{seen['id']}", 200)
    assert (again["state"], again["waits_for"]["reason"]) == ("checked", "import_removes_many")
    assert len(organisation.rows("select * from contact where removed_at is null")) == 30


def test_a_request_that_comes_twice_is_one_import(portal: RunningPortal, organisation: Organisation) -> None:
    ask = Asking(portal, organisation)
    header = {"Idempotency-Key": "once"}
    content = b"external_id,phone\nC1,+491701234501\n"
    answers = [
        portal.api("POST", f"{PATH}?mode=add&name=x.csv", ask.key, content=content, headers=header) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert (
        answers[0].json() == answers[1].json() and answers[0].headers["location"] == f"{PATH}/{answers[0].json()['id']}"
    )
    with organisation.engine.connect() as connection:
        assert len(imports_to_carry_out(connection)) == 1
    other = portal.api("POST", f"{PATH}?mode=add&name=x.csv", ask.key, content=b"another\n", headers=header)
    assert other.json()["reason"] == "idempotency_key_reused"


def test_a_key_needs_the_permission(portal: RunningPortal, organisation: Organisation) -> None:
    only_sees = organisation.key(Permission.CONTACT_SEE)
    path = f"{PATH}?mode=add&name=x.csv"
    answer = portal.api("POST", path, only_sees, content=b"external_id,phone\nC1,+491701234501\n")
    assert answer.status_code == 403
