"""The address book over the API: one contact from its making to its removal, found, taken out, and merged."""

from __future__ import annotations

import io

import pyarrow.parquet as pq
from openpyxl import load_workbook

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal

ORDER = {
    "external_id": "C-1",
    "name": "Zoë Müller",
    "phone": "+49 151 2345 6789",
    "email": "zoe@example.com",
    "tags": ["vip"],
}


def test_a_contact_from_its_making_to_its_removal_and_back(portal: RunningPortal, organisation: Organisation) -> None:
    key = organisation.key()
    made = portal.api("POST", "/v1/contacts", key, json=ORDER)
    assert (made.status_code, made.headers["Location"]) == (201, f"/v1/contacts/{made.json()['id']}")
    assert made.json()["addresses"] == {"phone": ["+4915123456789"], "email": ["zoe@example.com"]}
    again = portal.api("POST", "/v1/contacts", key, json=ORDER)
    assert (again.status_code, again.json()["reason"]) == (409, "contact_exists")
    address = made.headers["Location"]
    change = {
        "version": made.json()["version"],
        "name": "Zoë Meyer",
        "tags": ["berlin"],
        "addresses": {"phone": ["+49 151 2345 6780", "+49 151 2345 6789", "+49 151 2345 6781"]},
    }
    changed = portal.api("PATCH", address, key, json=change)
    assert changed.status_code == 200, changed.text
    assert changed.json()["addresses"]["phone"] == ["+4915123456780", "+4915123456789", "+4915123456781"]
    assert (changed.json()["name"], changed.json()["tags"]) == ("Zoë Meyer", ["berlin"])
    late = portal.api("PATCH", address, key, json=change)
    assert (late.status_code, late.json()["reason"]) == (409, "contact_changed_since")
    wrong = portal.api("PATCH", address, key, json={"version": changed.json()["version"], "birth_date": "2999-01-01"})
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "contact_field_invalid")
    assert [row["action"] for row in portal.api("GET", f"{address}/changes?limit=2", key).json()["items"]] == [
        "tagged",
        "untagged",
    ]
    gone = portal.api("POST", f"{address}/remove", key, json={"version": changed.json()["version"]}).json()
    assert portal.api("GET", "/v1/contacts?q=zoe", key).json()["items"] == []
    back = portal.api("POST", f"{address}/restore", key, json={"version": gone["version"]}).json()
    assert back["addresses"] == changed.json()["addresses"]
    assert portal.api("POST", f"{address}/notes", key, json={"text": "Rang."}).status_code == 201


def test_what_is_personal_is_masked_and_found_all_the_same(portal: RunningPortal, organisation: Organisation) -> None:
    number = portal.api("POST", "/v1/contacts", organisation.key(), json=ORDER).json()["id"]
    reader = organisation.key(Permission.CONTACT_SEE)
    (row,) = portal.api("GET", "/v1/contacts", reader, params={"q": "0151 2345"}).json()["items"]
    assert (row["id"], row["name"], row["external_id"]) == (number, "Z•••", "•••")
    assert row["addresses"] == {"phone": ["+49•••••••••89"], "email": ["z•••@example.com"]}
    assert "6789" not in portal.api("GET", f"/v1/contacts/{number}/changes", reader).text
    refused = portal.api("GET", "/v1/contacts/export", organisation.key(Permission.CONTACT_EXPORT))
    assert refused.status_code == 403


def test_pages_end_and_narrow(portal: RunningPortal, organisation: Organisation) -> None:
    key = organisation.key()
    for number in range(5):
        order = {"external_id": f"C-{number}", "name": "Kim Lee", "tags": ["odd"] if number % 2 else []}
        assert portal.api("POST", "/v1/contacts", key, json=order).status_code == 201
    for address, count in (
        ("/v1/contacts?limit=2", 5),
        ("/v1/contacts?limit=2&q=kim", 5),
        ("/v1/contacts?tag=odd&limit=1", 2),
    ):
        seen, cursor = [], ""
        while cursor is not None:
            page = portal.api("GET", f"{address}{cursor and f'&cursor={cursor}'}", key).json()
            seen += [row["external_id"] for row in page["items"]]
            cursor = page["next"]
        assert len(set(seen)) == len(seen) == count
    assert portal.api("GET", "/v1/contacts?team=brick", key).status_code == 404


def test_contacts_are_taken_out_in_every_format(portal: RunningPortal, organisation: Organisation) -> None:
    """With the columns of an import; a name that is a formula runs nowhere; who took how many is in the audit log."""
    key = organisation.key()
    portal.api("POST", "/v1/contacts", key, json={**ORDER, "name": "=1+1"})
    csv = portal.api("GET", "/v1/contacts/export", key)
    header, line = csv.content.decode("utf-8-sig").splitlines()
    assert header.replace('"', "").split(",")[:5] == ["team", "nightmail_id", "external_id", "name", "phone"]
    assert '"\'=1+1"' in line and "vip" in line
    sheet = load_workbook(io.BytesIO(portal.api("GET", "/v1/contacts/export?format=xlsx", key).content)).active
    assert sheet is not None
    assert [row[3] for row in sheet.iter_rows(values_only=True)] == ["name", "'=1+1"]
    table = pq.read_table(io.BytesIO(portal.api("GET", "/v1/contacts/export?format=parquet&tag=vip", key).content))
    assert table["name"].to_pylist() == ["=1+1"]
    assert (
        pq.read_table(io.BytesIO(portal.api("GET", "/v1/contacts/export?format=parquet&tag=x", key).content)).num_rows
        == 0
    )
    taken = organisation.rows("select detail from audit where action = 'contacts.exported' order by id")
    assert [row["detail"]["contacts"] for row in taken] == [1, 1, 1, 0]


def test_groups_and_merges(portal: RunningPortal, organisation: Organisation) -> None:
    key = organisation.key()
    first = portal.api("POST", "/v1/contacts", key, json=ORDER).json()["id"]
    other = portal.api("POST", "/v1/contacts", key, json={**ORDER, "external_id": "C-2", "country": "DE"}).json()["id"]
    group = portal.api("POST", "/v1/groups", key, json={"name": "Board"}).json()
    named = {"members": ["C-2", "zoe@example.com", "nobody@example.com"]}
    assert portal.api("POST", f"/v1/groups/{group['id']}/members", key, json=named).json() == {
        "changed": 1,
        "nobody": ["nobody@example.com"],
        "several": ["zoe@example.com"],
    }
    renamed = portal.api(
        "PATCH", f"/v1/groups/{group['id']}", key, json={"version": group["version"], "name": "Council"}
    )
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["members"]) == (200, "Council", 1)
    late = portal.api("PATCH", f"/v1/groups/{group['id']}", key, json={"version": group["version"], "name": "Board"})
    assert (late.status_code, late.json()["reason"]) == (409, "group_changed_since")
    assert portal.api("GET", "/v1/merges/proposals", key).json() == [
        {"contacts": [first, other], "why": "same_address", "likeness": 100, "also": []}
    ]
    merged = portal.api("POST", "/v1/merges", key, json={"keep": first, "other": other})
    assert merged.status_code == 201, merged.text
    members = portal.api("GET", f"/v1/groups/{group['id']}/members", key).json()["items"]
    assert [(row["id"], row["country"]) for row in members] == [(first, "DE")]
    undone = portal.api("POST", f"/v1/merges/{merged.json()['id']}/undo", key)
    assert undone.json()["undone_at"]
    members = portal.api("GET", f"/v1/groups/{group['id']}/members", key).json()["items"]
    assert [row["id"] for row in members] == [other]
    late = portal.api("POST", f"/v1/merges/{merged.json()['id']}/undo", key)
    assert (late.status_code, late.json()["reason"]) == (409, "merge_not_undone")
    assert (
        portal.api(
            "POST", f"/v1/groups/{group['id']}/remove", key, json={"version": renamed.json()["version"]}
        ).status_code
        == 204
    )
    assert portal.api("GET", "/v1/groups", key).json() == []


def test_attributes_are_defined_set_cleared_and_removed(portal: RunningPortal, organisation: Organisation) -> None:
    """Removed only when it is said that the values go too, and while no segment asks for it."""
    key = organisation.key()
    path = "/v1/contacts/attributes"
    made = portal.api("POST", path, key, json={"name": "tariff", "label": "Tariff"})
    assert (made.status_code, made.json()["type"], made.json()["team"]) == (201, "text", "acme.billing")
    other = portal.api("POST", path, key, json={"name": "tariff", "type": "number"})
    assert (other.status_code, other.json()["reason"]) == (422, "contact_field_invalid")
    number = made.json()["id"]
    assert portal.api("PATCH", f"{path}/{number}", key, json={"label": "Rate"}).json()["label"] == "Rate"
    assert [each["name"] for each in portal.api("GET", path, key).json()] == ["tariff"]
    contact = portal.api("POST", "/v1/contacts", key, json={**ORDER, "attributes": {"tariff": "green"}}).json()
    changed = {"version": contact["version"], "attributes": {"tariff": ""}}
    cleared = portal.api("PATCH", f"/v1/contacts/{contact['id']}", key, json=changed).json()
    assert cleared["attributes"] == {}
    again = {"version": cleared["version"], "attributes": {"tariff": "green"}}
    assert portal.api("PATCH", f"/v1/contacts/{contact['id']}", key, json=again).status_code == 200
    rule = {"all": [{"on": "attribute", "name": "tariff", "test": "is_one_of", "value": ["green"]}]}
    segment = portal.api("POST", "/v1/segments", key, json={"name": "Green", "rule": rule})
    assert segment.status_code == 201, segment.text
    for sent in ({}, {"with_values": True}):
        refused = portal.api("POST", f"{path}/{number}/remove", key, json=sent)
        assert (refused.status_code, refused.json()["reason"]) == (409, "contact_attribute_in_use")
    organisation.change("update segment set removed_at = now()")
    assert portal.api("POST", f"{path}/{number}/remove", key, json={}).status_code == 409
    assert portal.api("POST", f"{path}/{number}/remove", key, json={"with_values": True}).json() == {
        "values_removed": 1
    }
    assert portal.api("GET", path, key).json() == []
    assert portal.api("GET", f"/v1/contacts/{contact['id']}", key).json()["attributes"] == {}
    (newest, *_) = portal.api("GET", f"/v1/contacts/{contact['id']}/changes", key).json()["items"]
    assert (newest["source"], list(newest["changes"])) == ("attribute", ["tariff"])
    gone = portal.api("POST", f"{path}/{number}/remove", key, json={})
    assert (gone.status_code, gone.json()["reason"]) == (404, "contact_attribute_unknown")


def test_notes_are_listed_and_taken_away(portal: RunningPortal, organisation: Organisation) -> None:
    key = organisation.key()
    contact = portal.api("POST", "/v1/contacts", key, json=ORDER).json()["id"]
    path = f"/v1/contacts/{contact}/notes"
    number = portal.api("POST", path, key, json={"text": "Rang on Monday."}).json()["id"]
    (shown,) = portal.api("GET", path, key).json()
    assert (shown["id"], shown["text"]) == (number, "Rang on Monday.")
    for _ in range(2):
        assert portal.api("DELETE", f"{path}/{number}", key).status_code == 204
    assert portal.api("GET", path, key).json() == []
