"""The pages of messages in doubt: what a decision leads to is said before, decided by who may, one by one and by campaign."""

from __future__ import annotations

import re

import httpx

from nightmail.access.permissions import Permission
from nightmail.sending.doubt_decisions import Decision, decide
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_attention import campaign_of, doubts, message_of

DECIDER = (Permission.MESSAGE_SEE, Permission.DOUBT_DECIDE)


def _token(client: httpx.Client) -> str:
    return re.findall(r'name="csrf" value="([^"]*)"', client.get("/me").text)[0]


def _states(organisation: Organisation) -> list[str]:
    rows = organisation.rows("select state from message where channel = 'sms' order by message_key")
    return [row["state"] for row in rows]


def test_one_message_is_decided_and_sending_again_asks_for_certainty(
    organisation: Organisation, sign_in: SignIn
) -> None:
    first, second, third, *_others = doubts(organisation.engine)
    client = sign_in(*DECIDER, team="acme.billing", name="Ann Example")
    token = _token(client)
    listed = client.get("/doubts").text
    assert all(each in listed for each in (first, second, third)) and _others[0] not in listed
    assert re.search(r'Doubts<span class="count">1<', listed)
    page = client.get(f"/doubts/{first}").text
    assert "The contact&#39;s next channel takes over now." in page and "timeout" in page
    assert "no further channel" in client.get(f"/doubts/{second}").text
    assert "+4917012345" not in page and "Your visit is at 9." not in page, "without personal.see"

    nothing = client.post(f"/doubts/{first}", data={"csrf": token})
    assert nothing.status_code == 422 and "Choose what is to become of it." in nothing.text
    unsure = client.post(f"/doubts/{first}", data={"csrf": token, "decision": "resend", "why": "kept as typed"})
    assert unsure.status_code == 422 and "kept as typed" in unsure.text and _states(organisation)[0] == "in_doubt"
    sent = client.post(
        f"/doubts/{first}", data={"csrf": token, "decision": "resend", "certain": "yes", "why": "Not there."}
    )
    assert sent.status_code == 303 and "will be sent again" in client.get(f"/doubts/{first}").text
    assert client.post(f"/doubts/{second}", data={"csrf": token, "decision": "failed"}).status_code == 303
    assert _states(organisation)[:3] == ["queued", "failed", "in_doubt"]
    detail = organisation.rows("select detail, actor from audit where action = 'message.decided_resend'")[0]
    assert detail["detail"]["why"] == "Not there." and detail["actor"].startswith("person:")

    decide(organisation.engine, third, Decision.ACCEPTED, actor="user:night")
    late = client.post(f"/doubts/{third}", data={"csrf": token, "decision": "failed"})
    assert late.status_code == 303 and "It was settled meanwhile" in client.get(f"/doubts/{third}").text
    assert _states(organisation)[2] == "accepted"


def test_all_of_a_campaign_are_decided_and_what_was_settled_meanwhile_is_told(
    organisation: Organisation, sign_in: SignIn
) -> None:
    first, *_rest = doubts(organisation.engine)
    key = organisation.rows("select key from campaign where token = :token", token=first.partition("-")[0])[0]["key"]
    client = sign_in(*DECIDER)
    asked = client.get(f"/doubts/campaign/{key}").text
    assert "Decide about 3 messages in doubt" in asked and 'name="seen" value="3"' in asked
    decide(organisation.engine, first, Decision.FAILED, actor="user:night")
    form = {"csrf": _token(client), "seen": "3", "decision": "accepted", "why": "Seen at the carrier."}
    assert client.post(f"/doubts/campaign/{key}", data=form).status_code == 303
    said = client.get("/doubts").text
    assert "2 messages are decided." in said and "1 had been settled meanwhile." in said
    assert _states(organisation) == ["failed", "accepted", "accepted", *["in_doubt"] * 3]


def test_what_was_given_up_is_not_sent_again(organisation: Organisation, sign_in: SignIn) -> None:
    campaign = campaign_of(organisation.engine, "acme.billing", "sending", "cancelled")
    message = message_of(organisation.engine, campaign, state="in_doubt")
    client = sign_in(*DECIDER)
    for address in (f"/doubts/{message}", f"/doubts/campaign/{campaign.key}"):
        assert "Send " not in client.get(address).text and "cannot be sent again" in client.get(address).text
        form = {"csrf": _token(client), "decision": "resend", "certain": "yes"}
        assert client.post(address, data=form).status_code == 422
    assert _states(organisation) == ["in_doubt"]


def test_who_sees_and_who_decides(organisation: Organisation, sign_in: SignIn) -> None:
    message = doubts(organisation.engine)[0]
    reader = sign_in(Permission.MESSAGE_SEE)
    assert "What is to become of it?" not in reader.get(f"/doubts/{message}").text
    assert reader.post(f"/doubts/{message}", data={"csrf": _token(reader), "decision": "failed"}).status_code == 404
    of_care = sign_in(*DECIDER, team="acme.care")
    assert of_care.get(f"/doubts/{message}").status_code == 404 and message not in of_care.get("/doubts").text
    seeing = sign_in(Permission.MESSAGE_SEE, Permission.PERSONAL_SEE)
    assert "Your visit is at 9." in seeing.get(f"/doubts/{message}").text
    looks = organisation.rows("select object, detail from audit where action = 'personal.seen'")
    assert looks == [{"object": f"message:{message}", "detail": {"shown": ["address", "body"], "people": 1}}]
    assert reader.get("/doubts.csv?channel=sms").text.count("\r\n") == 7
