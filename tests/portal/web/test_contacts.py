"""The pages of contacts: found by any part without a readable address, changed as they were seen, masked, and not there for others."""

from __future__ import annotations

import re

import httpx

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_contacts import book, contact_of

SEES = (Permission.CONTACT_SEE, Permission.PERSONAL_SEE)
EDITS = (*SEES, Permission.CONTACT_EDIT)


def token(client: httpx.Client) -> str:
    """What the person's forms carry."""
    return re.findall(r'name="csrf" value="([^"]*)"', client.get("/me").text)[0]


def seen(client: httpx.Client, address: str) -> str:
    """The version of what a page shows."""
    return re.findall(r'name="seen" value="([0-9]+)"', client.get(address).text)[0]


def _listed(text: str) -> list[int]:
    return [int(each) for each in re.findall(r'<a href="/contacts/([0-9]+)">', text)]


def test_contacts_are_found_by_any_part_and_no_address_of_a_page_tells_of_whom(
    organisation: Organisation, sign_in: SignIn
) -> None:
    people = {each.external_id: each.id for each in book(organisation.engine)}
    client = sign_in(*SEES, team="acme")
    for words, found in (
        ("MÜLL", ["C-1002"]),
        ("1234570", ["C-1004"]),
        ("0701 740605", ["C-1001"]),
        ("elena@exa", ["C-1003"]),
        ("петр", ["C-1003"]),
        ("as ober", ["C-1001"]),
        ("C-1005", ["C-1005"]),
        ("nobody", []),
    ):
        answer = client.post("/contacts/find", data={"csrf": token(client), "words": words})
        assert answer.status_code == 303
        address = answer.headers["location"]
        page = client.get(address).text
        assert _listed(page) == [people[each] for each in found], words
        assert words not in address and (found or "Nobody fits" in page)
        other = sign_in(*SEES, team="acme")
        assert len(_listed(other.get(address).text)) == len(people), "another's address says nothing"
    tagged = client.get("/contacts?tag=vip&team=acme")
    assert _listed(tagged.text) == [people["C-1001"]]
    assert _listed(client.get("/contacts?team=acme.care").text) == []
    looks = organisation.rows(
        "select count(*) as looks from audit where action = 'personal.seen' and object = 'contacts'"
    )
    assert looks[0]["looks"] > 5


def test_without_the_right_to_personal_data_nobody_can_be_recognised(
    organisation: Organisation, sign_in: SignIn
) -> None:
    people = book(organisation.engine)
    client = sign_in(Permission.CONTACT_SEE, Permission.CONTACT_EDIT, Permission.CONTACT_EXPORT, team="acme")
    for address in ("/contacts", f"/contacts/{people[0].id}", "/contacts.csv"):
        text = client.get(address).text
        assert "vip" in text
        for secret in ("Öberg", "1234567", "asa@", "C-1001", "before noon", "120.5"):
            assert secret not in text, (address, secret)
    answer = client.post("/contacts/find", data={"csrf": token(client), "words": "öberg"})
    assert _listed(client.get(answer.headers["location"]).text) == []
    assert client.get(f"/contacts/{people[0].id}/change").status_code == 404
    assert organisation.rows("select 1 as x from audit where action = 'personal.seen'") == []
    exported = organisation.rows("select actor from audit where action like '%export%'")
    assert len(exported) == 1


def test_a_contact_is_added_and_each_mistake_is_said_at_its_field(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in(*EDITS, team="acme.billing")
    typed = {
        "csrf": token(client),
        "team": "acme.billing",
        "external_id": "K-7",
        "name": "Zoë Quinn",
        "phone": "+49 (0)170 / 123 45 67",
        "email": "zoe@example.org",
        "birth_date": "1990-02-28",
        "country": "Germany",
        "time_zone": "europe/berlin",
    }
    for wrong, field in (
        ({"phone": "12"}, "phone"),
        ({"email": "zoe@"}, "email"),
        ({"birth_date": "2990-01-01"}, "birth_date"),
        ({"birth_date": "30.02.1990"}, "birth_date"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"country": "Atlantis"}, "country"),
        ({"team": "acme.care"}, "team"),
        ({"team": "no.such"}, "team"),
    ):
        answer = client.post("/contacts/new", data=typed | wrong)
        assert answer.status_code == 422, wrong
        assert f'id="error-{field}"' in answer.text and "Quinn" in answer.text, wrong
    made = client.post("/contacts/new", data=typed)
    assert made.status_code == 303, re.findall('error-[a-z_.]*".*?</p>', made.text)
    page = client.get(made.headers["location"]).text
    for shown in ("Zoë Quinn", "+491701234567", "zoe@example.org", "Europe/Berlin", "DE", "28 Feb 1990", "by hand"):
        assert shown in page, shown
    again = client.post("/contacts/new", data=typed)
    assert again.status_code == 422 and 'id="error-external_id"' in again.text


def test_a_contact_is_changed_as_it_was_seen_and_everything_taken_away_comes_back(
    organisation: Organisation, sign_in: SignIn
) -> None:
    contact = book(organisation.engine)[0]
    here = f"/contacts/{contact.id}"
    client = sign_in(*EDITS, Permission.MESSAGE_SEE, team="acme", name="Ann Editor")
    csrf = token(client)

    def send(path: str, **form: str) -> str:
        answer = client.post(here + path, data={"csrf": csrf, "seen": seen(client, here), **form})
        assert answer.status_code == 303, answer.text
        return client.get(answer.headers["location"]).text

    page = client.get(here).text
    assert f"/recipients/contact/{contact.contact_id}" in page and page.index("1234567") < page.index("701740605")
    assert "Likes to be called" in page and "Guests of the autumn fair" in page
    up = send("/addresses/up", address="phone-1")
    assert up.index("701740605") < up.index("1234567")
    assert "is taken away" in send("/addresses/remove", address="phone-0")
    stored = organisation.rows("select phone, phone_2 from contact where id = :id", id=contact.id)
    assert stored == [{"phone": "+491701234567", "phone_2": None}]
    assert "is added" in send("/addresses", kind="phone", address="+46 70 174 06 05")
    refused = client.post(
        f"{here}/addresses", data={"csrf": csrf, "seen": seen(client, here), "kind": "email", "address": "x"}
    )
    assert refused.status_code == 422 and 'id="error-address"' in refused.text
    assert ">regular<" in send("/tags", tag="regular")
    assert ">regular<" not in send("/tags/remove", tag="regular").split("History")[0]
    assert "Wants letters" in send("/notes", note="Wants letters.")
    (note,) = organisation.rows("select id from contact_note where text = 'Wants letters.'")
    assert "Wants letters" not in send("/notes/remove", note=str(note["id"]))
    stale = seen(client, here)
    changed = {"name": "Åsa Öberg-Lind", "language": "sv", "attribute.balance": "80", "attribute.insured": "yes"}
    assert "Öberg-Lind" in send("/change", **changed)
    late = client.post(f"{here}/change", data={"csrf": csrf, "seen": stale, "name": "Somebody else"})
    told = client.get(late.headers["location"]).text
    assert "Somebody else changed it meanwhile" in told and "Öberg-Lind" in told
    wrong = client.post(f"{here}/change", data={"csrf": csrf, "seen": seen(client, here), "attribute.balance": "much"})
    assert wrong.status_code == 422 and "much" in wrong.text
    removed = send("/remove")
    assert "Bring it back" in removed and "Further address" not in removed
    assert contact.id not in _listed(client.get("/contacts").text)
    assert client.post(f"{here}/tags", data={"csrf": csrf, "seen": seen(client, here), "tag": "x"}).status_code in (
        303,
        422,
    )
    assert "The contact is back" in send("/restore")
    history = client.get(here).text
    for said in ("Tag taken away", "Brought back", "Ann Editor", "Balance" if "Balance:" in history else "balance"):
        assert said in history, said


def test_another_teams_contact_is_not_there(organisation: Organisation, sign_in: SignIn) -> None:
    theirs = contact_of(organisation.engine, "acme.care")
    client = sign_in(*EDITS, team="acme.billing")
    csrf = token(client)
    assert client.get(f"/contacts/{theirs.id}").status_code == 404
    for path in ("change", "addresses", "tags", "notes", "remove", "restore", "addresses/up", "tags/remove"):
        sent = client.post(f"/contacts/{theirs.id}/{path}", data={"csrf": csrf, "seen": "1", "tag": "x", "note": "x"})
        assert sent.status_code == 404, path
    assert _listed(client.get("/contacts").text) == []
    reader = sign_in(*SEES, team="acme")
    page = reader.get(f"/contacts/{theirs.id}").text
    assert "Ann Example" in page and "Further address" not in page and "Remove" not in page
    assert reader.post(f"/contacts/{theirs.id}/remove", data={"csrf": token(reader), "seen": "1"}).status_code == 404
