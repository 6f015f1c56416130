"""Find a recipient, its page, the list of messages and the page of one: what is shown, to whom, and what is kept of it."""

from __future__ import annotations

import csv
import re

import httpx
import pytest

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation
from tests.portal.web import sample_recipients as sample
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_contacts import contact_of


def _sent(client: httpx.Client, **form: str) -> httpx.Response:
    page = client.get("/recipients").text
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found
    return client.post("/recipients", data={**form, "csrf": found[1]})


@pytest.mark.parametrize("written", ["+49 170 1234567", "0049 (170) 1234567", "0170 1234567", "+49-170-123 45 67"])
def test_an_address_in_any_spelling_leads_to_its_page_and_stands_in_no_address(
    organisation: Organisation, sign_in: SignIn, written: str
) -> None:
    sample.filled(organisation.engine)
    organisation.change("update team set country = 'DE' where path = 'acme'")
    client = sign_in(Permission.MESSAGE_SEE, Permission.PERSONAL_SEE)
    answer = _sent(client, who=written)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/recipients/address/{sample.hash_of()}"
    page = client.get(answer.headers["location"]).text
    assert sample.NUMBER in page, "the address is shown to whom may see it"
    for words in (
        "Opted out",
        "because of quiet hours",
        "30005",
        "The contact opted out",
        "Waits",
        "Handed off",
        "suspended by user:ada",
    ):
        assert words in page, words


def test_a_number_with_two_readings_is_told(organisation: Organisation, sign_in: SignIn) -> None:
    sample.filled(organisation.engine)
    organisation.change("update team set country = 'DE' where path = 'acme.billing'")
    organisation.change("update team set country = 'GB' where path = 'acme.care'")
    answer = _sent(sign_in(Permission.MESSAGE_SEE), who="07400 123456")
    assert answer.status_code == 200
    assert "This can mean several recipients" in answer.text
    assert "+447400123456" in answer.text and "by the rules of GB" in answer.text


def test_the_same_external_id_in_two_teams_is_two_recipients(organisation: Organisation, sign_in: SignIn) -> None:
    with organisation.engine.begin() as connection:
        for team in ("acme.billing", "acme.care"):
            sample.Ledger(connection, team).message(1)
    client = sign_in(Permission.MESSAGE_SEE, team="acme")
    answer = _sent(client, who=sample.EXTERNAL_ID)
    assert answer.status_code == 200
    assert {"acme.billing", "acme.care"} <= set(re.findall(r"External id of ([a-z.]+)", answer.text))
    assert sample.EXTERNAL_ID not in answer.text.replace(f'value="{sample.EXTERNAL_ID}"', ""), "masked"
    alone = _sent(client, who=sample.EXTERNAL_ID, team="acme.care")
    assert alone.headers["location"].startswith(f"/recipients/contact/{sample.contact_id('acme.care')}")
    assert _sent(client, who="K-unknown").status_code == 422


def test_who_may_not_see_personal_data_sees_masks_and_no_text(organisation: Organisation, sign_in: SignIn) -> None:
    made = sample.filled(organisation.engine)
    viewer, reader = sign_in(Permission.MESSAGE_SEE), sign_in(Permission.MESSAGE_SEE, Permission.PERSONAL_SEE)
    pages = ("/messages", f"/messages/{made['email']}", f"/recipients/address/{sample.hash_of()}")
    for page in pages:
        text = viewer.get(page).text
        assert sample.NUMBER not in text and sample.EMAIL not in text and "your visit" not in text.lower(), page
    assert viewer.get(f"/messages/{made['email']}/preview").status_code == 404
    assert not organisation.rows("select id from audit where action = 'personal.seen'"), "a masked look is none"
    for page in pages:
        assert sample.EMAIL in reader.get(page).text or sample.NUMBER in reader.get(page).text, page
    preview = reader.get(f"/messages/{made['email']}/preview")
    assert preview.text == sample.HTML
    assert preview.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    looks = organisation.rows("select object, detail from audit where action = 'personal.seen'")
    kinds = {row["object"].split(":")[0] for row in looks}
    assert kinds == {"messages", "message", "address"}
    assert sample.NUMBER not in str(looks) and sample.EMAIL not in str(looks)


def test_messages_of_others_are_not_there(organisation: Organisation, sign_in: SignIn) -> None:
    made = sample.filled(organisation.engine)
    stranger = sign_in(Permission.MESSAGE_SEE, team="acme.care")
    assert stranger.get(f"/messages/{made['email']}").status_code == 404
    assert made["email"] not in stranger.get("/messages").text
    assert made["email"] not in stranger.get(f"/recipients/address/{sample.hash_of(sample.EMAIL)}").text
    assert sign_in(Permission.CAMPAIGN_SEE).get("/messages").status_code == 404


def test_messages_are_filtered_and_taken_out(organisation: Organisation, sign_in: SignIn) -> None:
    made = sample.filled(organisation.engine)
    client = sign_in(Permission.MESSAGE_SEE)

    def ids(query: str) -> set[str]:
        return set(
            re.findall(
                r"<code class=\"soft small\">(c[0-9a-f]{10}-[^<]+)</code>", client.get(f"/messages?{query}").text
            )
        )

    assert ids("") == {made[name] for name in made if name != "queued"}
    assert ids("state=held") == {made["held"]}
    assert ids("delivery=not_reached") == {made["bounced"]}
    assert ids("reason=21211") == {made["failed"]}
    assert ids("channel=email") == {made["email"]}
    assert ids(f"recipient=contact-{sample.contact_id()}") == set(made.values())
    key = organisation.rows("select key from campaign where token = :token", token=made["queued"].split("-")[0])
    assert ids(f"campaign={key[0]['key']}&state=queued") == {made["queued"]}
    assert client.get("/messages?since=2026-01-01&until=2026-06-01").status_code == 422
    answer = client.get("/messages.csv?state=failed")
    (row,) = csv.DictReader(answer.content.decode("utf-8-sig").splitlines())
    assert (row["message"], row["error_code"]) == (made["failed"], "21211") and "•" in row["to"]
    (entry,) = organisation.rows("select object, detail from audit where action like '%exported'")
    assert "messages" in entry["object"]


def test_the_search_field_leads_to_an_address_without_naming_it(organisation: Organisation, sign_in: SignIn) -> None:
    made = sample.filled(organisation.engine)
    client = sign_in(Permission.MESSAGE_SEE)

    def sought(words: str) -> httpx.Response:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/").text)
        assert found
        return client.post("/search", data={"q": words, "csrf": found[1]})

    assert sought(sample.NUMBER).headers["location"] == f"/recipients/address/{sample.hash_of()}"
    assert sought(sample.EMAIL.upper()).headers["location"] == f"/recipients/address/{sample.hash_of(sample.EMAIL)}"
    assert sought(sample.EXTERNAL_ID).headers["location"] == f"/recipients/contact/{sample.contact_id()}"
    assert sought("home").headers["location"] == "/search?q=home"
    assert f'href="/messages/{made["email"]}"' in client.get("/search", params={"q": made["email"]}).text
    assert sought("").headers["location"] == "/search"


def test_a_recipient_of_the_address_book_is_written_to_from_here(organisation: Organisation, sign_in: SignIn) -> None:
    """Whoever sees the contact is led to it; to a message whoever may send, also where a team above shares the contact."""
    sample.filled(organisation.engine)
    contact = contact_of(organisation.engine, "acme.billing", sample.EXTERNAL_ID, name="Anna Book")
    page = f"/recipients/contact/{contact.contact_id}"
    write = f'href="/send/to/{contact.id}"'
    rights = (Permission.MESSAGE_SEE, Permission.CONTACT_SEE, Permission.PERSONAL_SEE)
    sender = sign_in(*rights, Permission.CAMPAIGN_SEND, team="acme.billing")
    assert write in sender.get(page).text and "Anna Book" in sender.get(page).text
    assert sender.get(f"/send/to/{contact.id}").status_code == 200
    reader = sign_in(*rights, team="acme.billing").get(page).text
    assert write not in reader and f'href="/contacts/{contact.id}"' in reader
    masked = sign_in(Permission.MESSAGE_SEE, Permission.CONTACT_SEE, Permission.CAMPAIGN_SEND).get(page).text
    assert write not in masked and "Anna Book" not in masked
    assert f'href="/contacts/{contact.id}"' not in sign_in(Permission.MESSAGE_SEE).get(page).text
    shared = contact_of(organisation.engine, "acme", "Above", name="Anna Above", phone="+491701234599")
    assert sender.get(f"/send/to/{shared.id}").status_code == 404
    organisation.change("update team set settings = '{\"shares_contacts\": true}' where path = 'acme'")
    assert "acme.billing" in sender.get(f"/send/to/{shared.id}").text
    assert f'href="/send/to/{shared.id}"' in sender.get(f"/contacts/{shared.id}").text
