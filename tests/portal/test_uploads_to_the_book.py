"""Uploads to feeds whose files change the address book: they need the right to change it, by the API and on the pages alike."""

from __future__ import annotations

import re

import pytest

from nightmail.access.api_keys import create_key, verify_key
from nightmail.access.decisions import allowed
from nightmail.access.permissions import Permission
from nightmail.access.ready_made_roles import READY_MADE
from nightmail.intake.feed_overviews import list_feeds
from nightmail.intake.upload_rights import may_upload, permissions_to_upload
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import SignIn, sign_in
from tests.support.import_rounds import carry_on_all

__all__ = ["sign_in"]
KINDS = ("messages", "contacts", "preferences")
CONTENT = {
    "messages": b"external_id,phone\n1,+491701234567\n",
    "contacts": b"external_id,phone\nC1,+491701234567\n",
    "preferences": b"external_id,language\nC1,de\n",
}
TEAMS = ("acme", "acme.billing")


@pytest.fixture
def feeds(organisation: Organisation) -> dict[tuple[str, str], int]:
    """A feed of each kind of two teams; those whose files are not sent name no template."""
    made = {}
    for team in TEAMS:
        for kind in KINDS:
            statement = (
                "insert into feed (team_id, name, template_id, settings) select t.id, :kind, "
                "case when :kind = 'messages' then (select min(id) from template) end, jsonb_build_object('kind', :kind::text) "
                "from team t where t.path = :team"
            ).replace(":kind::text", "cast(:kind as text)")
            organisation.change(statement, kind=kind, team=team)
            (row,) = organisation.rows(
                "select f.id from feed f join team t on t.id = f.team_id where t.path = :team and f.name = :kind",
                team=team, kind=kind,
            )  # fmt: skip
            made[team, kind] = int(row["id"])
    return made


def _roles() -> dict[str, frozenset[Permission]]:
    single = {"uploads": {Permission.FILE_UPLOAD}, "edits": {Permission.CONTACT_EDIT, Permission.CONSENT_EDIT}}
    for name, further in (("contacts", Permission.CONTACT_EDIT), ("consents", Permission.CONSENT_EDIT)):
        single[f"uploads {name}"] = {Permission.FILE_UPLOAD, further}
    return {role.name: frozenset(role.permissions) for role in READY_MADE} | {
        name: frozenset(each) for name, each in single.items()
    }


def test_the_matrix_of_roles_kinds_and_teams(
    portal: RunningPortal, organisation: Organisation, feeds: dict[tuple[str, str], int]
) -> None:
    """What the one decision says is what the API answers, what is listed and what is recorded."""
    asked = 0
    for role, permissions in _roles().items():
        with organisation.engine.begin() as connection:
            key = create_key(connection, team_id=organisation.teams["acme.billing"], name=role, permissions=permissions)
            principal = verify_key(connection, key).principal
            listed = {each.id for each in list_feeds(connection, TEAMS, uploader=principal)}
        for (team, kind), number in feeds.items():
            may = all(allowed(principal, permission, team).yes for permission in permissions_to_upload(kind))
            assert may_upload(principal, team, kind) == may
            if kind != "messages":
                further = permissions_to_upload(kind)[1]
                assert (number in listed) == allowed(principal, further, team).yes, (role, team, kind)
            path = f"/v1/contact-files?feed={team}/{kind}&name=f{asked}.csv&again=true"
            answer = portal.api("POST", path, key, content=CONTENT[kind])
            above = team == "acme" and Permission.FILE_UPLOAD in permissions
            assert answer.status_code == (202 if may else 404 if above else 403), (role, team, kind, answer.text)
            asked += 1
    assert asked >= 60
    made = organisation.rows("select kind, count(*) as files from contact_import group by kind order by kind")
    assert [row["kind"] for row in made] == ["contacts", "preferences"]


def test_files_are_taken_carried_out_and_answered(
    portal: RunningPortal, organisation: Organisation, feeds: dict[tuple[str, str], int]
) -> None:
    key = organisation.key()
    for kind, counts in (("contacts", {"new": 1}), ("preferences", {"changed": 1, "recorded": 1})):
        answer = portal.api("POST", f"/v1/contact-files?feed={kind}&name={kind}.csv", key, content=CONTENT[kind])
        assert answer.status_code == 202 and answer.json()["campaign"] is None, answer.text
        carry_on_all(organisation.engine, portal.settings)
        (row,) = organisation.rows("select state, counts from contact_import where kind = :kind", kind=kind)
        assert row["state"] == "applied" and counts.items() <= row["counts"].items(), row
    assert organisation.rows("select language from preference") == [{"language": "de"}]
    single = {"feed": "contacts", "recipients": [{"phone": "+491701234567"}]}
    refused = portal.api("POST", "/v1/messages", key, json=single)
    assert refused.json()["reason"] == "feed_sends_nothing", refused.text
    shown = {each["name"]: each for each in portal.api("GET", "/v1/feeds", key).json()["items"]}
    assert (shown["preferences"]["kind"], shown["preferences"]["template"]) == ("preferences", None)


def test_the_pages_ask_the_same(organisation: Organisation, sign_in: SignIn, feeds: dict[tuple[str, str], int]) -> None:
    sees = (Permission.FILE_UPLOAD, Permission.FEED_SEE, Permission.FILE_SEE)
    number = feeds["acme.billing", "contacts"]
    without = sign_in(*sees, team="acme")
    assert without.get(f"/uploads/new?feed={number}").status_code == 404
    assert f"feed={number}" not in without.get("/uploads/new").text
    page = without.get(f"/feeds/{number}").text
    assert "into the address book" in page and "Upload a file" not in page
    editor = sign_in(*sees, Permission.CONTACT_EDIT, team="acme")
    assert f"feed={number}" in editor.get("/uploads/new").text
    form = editor.get(f"/uploads/new?feed={number}").text
    assert "Upload and apply" in form and "Check only" not in form
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', form))
    fields = {"csrf": csrf, "feed": str(number), "key": "k", "action": "upload"}
    taken = editor.post("/uploads/new", data=fields, files={"file": ("people.csv", CONTENT["contacts"])})
    assert taken.status_code == 303, taken.text
    assert organisation.rows("select kind from contact_import") == [{"kind": "contacts"}]
    fields["feed"] = str(feeds["acme.billing", "preferences"])
    refused = editor.post("/uploads/new", data=fields, files={"file": ("choices.csv", CONTENT["preferences"])})
    assert refused.status_code == 404 and organisation.rows("select kind from contact_import") == [{"kind": "contacts"}]
