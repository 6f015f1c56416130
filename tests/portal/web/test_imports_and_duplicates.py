"""The pages of imports and duplicates: what would change is shown before it does, and everything has a way back."""

from __future__ import annotations

import re
from functools import partial

import httpx

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_contacts import TEAM, book
from tests.portal.web.test_contacts import EDITS, token
from tests.support.import_rounds import carry_on_all

FILE = (
    b"external_id,phone,email,language\n"
    b"C-1001,,asa.new@example.org,sv\n"
    b"C-1002,,,\n"
    b"N-1,+491701239999,new@example.org,de\n"
    b"N-2,12,,de\n"
)
THERE = "select external_id, email from contact where removed_at is null order by external_id"


def _give(client: httpx.Client, file: bytes = FILE, **form: str) -> httpx.Response:
    fields = {"csrf": token(client), "team": TEAM, "mode": "update", **form}
    return client.post("/contact-imports/new", data=fields, files={"file": ("people.csv", file)})


def _post(client: httpx.Client, address: str, **form: str) -> str:
    answer = client.post(address, data={"csrf": token(client), **form})
    return client.get(answer.headers["location"]).text if answer.status_code == 303 else answer.text


def test_an_import_shows_what_would_change_is_applied_and_taken_back(
    organisation: Organisation, sign_in: SignIn, portal: RunningPortal
) -> None:
    carry_on = partial(carry_on_all, organisation.engine, portal.settings)
    book(organisation.engine)
    client = sign_in(*EDITS, team="acme")
    before = organisation.rows(THERE)
    for wrong, field in (
        ({"team": "acme.nowhere"}, "team"),
        ({"mode": "guess"}, "mode"),
        ({"file": b"\x89PNG\r\n\x1a\n" + b"\x00" * 200}, "file"),
    ):
        given = {name: value for name, value in wrong.items() if name != "file"}
        answer = _give(client, wrong.get("file", FILE), **given)  # type: ignore[arg-type]
        assert answer.status_code == 422 and f'id="error-{field}"' in answer.text, wrong
    made = _give(client)
    assert made.status_code == 303, re.findall(r'class="error".*?</p>', made.text)
    here = made.headers["location"]
    page = client.get(here).text
    assert "Being looked at" in page and f'hx-get="{here}/state"' in page and "N-1" not in page
    carry_on()
    part = client.get(f"{here}/state").text
    assert "<html" not in part and "hx-get" not in part and "Apply the changes" in part
    page = client.get(here).text
    assert "Nothing has changed yet" in page and "asa.new@example.org" in page and "N-1" in page
    assert "Take the reject file" in page and "{value}" not in page and organisation.rows(THERE) == before
    assert "12" in client.get(f"{here}/refused.csv").text
    masked = sign_in(Permission.CONTACT_SEE, Permission.CONTACT_EDIT, team="acme").get(here).text
    assert "asa.new@" not in masked and "N-1" not in masked and "Apply the changes" in masked
    assert "Being applied" in _post(client, f"{here}/apply", seen="checked")
    carry_on()
    assert "Take the import back" in client.get(here).text
    after = {row["external_id"]: row["email"] for row in organisation.rows(THERE)}
    assert after["C-1001"] == "asa.new@example.org" and after["N-1"] == "new@example.org" and "N-2" not in after
    assert "Somebody else changed it meanwhile" in _post(client, f"{here}/apply", seen="checked")
    assert "Being taken back" in _post(client, f"{here}/undo")
    carry_on()
    assert organisation.rows(THERE) == before
    listed = client.get("/contact-imports").text
    assert "people.csv" in listed and "Taken back" in listed
    dropped = _give(client, FILE + b"\n").headers["location"]
    assert "is dropped" in _post(client, f"{dropped}/discard")
    for address in (here, dropped):
        assert sign_in(*EDITS, team="acme.care").get(address).status_code == 404


def test_an_import_that_would_remove_nearly_everybody_is_confirmed_first(
    organisation: Organisation, sign_in: SignIn, portal: RunningPortal
) -> None:
    carry_on = partial(carry_on_all, organisation.engine, portal.settings)
    book(organisation.engine)
    client = sign_in(*EDITS, team="acme")
    rows = b"".join(b"M-%d,+4917012355%02d\n" % (number, number) for number in range(20))
    filled = _give(client, b"external_id,phone\n" + rows, mode="add").headers["location"]
    carry_on()
    _post(client, f"{filled}/apply", seen="checked")
    carry_on()
    people = organisation.rows(THERE)
    here = _give(client, b"external_id,phone\nC-1001,+491701234567\n", mode="replace").headers["location"]
    carry_on()
    page = client.get(here).text
    assert f"would remove {len(people) - 1} of {len(people)}" in page
    assert "Confirm it first" in _post(client, f"{here}/apply", seen="checked")
    assert len(organisation.rows(THERE)) == len(people)
    _post(client, f"{here}/apply", seen="checked", although="yes")
    carry_on()
    assert len(organisation.rows(THERE)) == 1
    _post(client, f"{here}/undo")
    carry_on()
    assert len(organisation.rows(THERE)) == len(people)


def test_two_contacts_are_merged_with_a_way_back_or_kept_apart(organisation: Organisation, sign_in: SignIn) -> None:
    people = {each.external_id: each for each in book(organisation.engine)}
    first, second = people["C-1002"], people["C-1006"]
    client = sign_in(*EDITS, team="acme")
    page = client.get(f"/duplicates?team={TEAM}").text
    (here,) = re.findall(rf'href="(/duplicates/{first.id}/{second.id})"', page)
    assert "The same address" in page
    pair = client.get(here).text
    assert "Jürgen Müller-Lüdenscheidt" in pair and "+491701234572" in pair
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', pair)
    assert "Choose which one stays" in _post(client, f"{here}/merge", seen=seen)
    assert "Somebody else changed it" in _post(client, f"{here}/merge", seen="9-9", keep=str(first.id))
    merged = client.post(f"{here}/merge", data={"csrf": token(client), "seen": seen, "keep": str(first.id)})
    assert merged.status_code == 303, merged.text
    back = merged.headers["location"]
    assert "They are one contact now" in client.get(back).text
    assert "+491701234572" in client.get(f"/contacts/{first.id}").text
    assert "This contact is removed" in client.get(f"/contacts/{second.id}").text
    assert here not in client.get(f"/duplicates?team={TEAM}").text
    assert "both are as they were" in _post(client, f"{back}/undo")
    assert "+491701234572" not in client.get(f"/contacts/{first.id}").text.split("History")[0]
    assert "not proposed again" in _post(client, f"{here}/apart")
    assert here not in client.get(f"/duplicates?team={TEAM}").text
    elsewhere = sign_in(*EDITS, team="acme.care")
    assert elsewhere.get(here).status_code == 404 and elsewhere.get(back).status_code == 404
    assert elsewhere.get(f"/duplicates?team={TEAM}").status_code == 422
