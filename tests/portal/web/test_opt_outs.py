"""The pages of opt-outs: added in any spelling after a look at what is stopped, lifted with why, decided where they are probable."""

from __future__ import annotations

import re

import httpx

from nightmail.access.permissions import Permission
from nightmail.consent.suppressions import OPTED_OUT, record_suppressions
from nightmail.conversations.team_replies import decide_reply
from nightmail.privacy import address_hash
from nightmail.receipts.undecided import ReplyDecision
from tests.portal.conftest import SECRET_KEY, Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_attention import campaign_of, message_of, opt_outs, reply_of

EDITOR = (Permission.SUPPRESSION_SEE, Permission.SUPPRESSION_EDIT)
IN_FORCE = "select channel, reason, category, why from suppression where lifted_at is null order by channel"


def _token(client: httpx.Client) -> str:
    return re.findall(r'name="csrf" value="([^"]*)"', client.get("/me").text)[0]


def test_an_opt_out_by_hand_is_read_shown_and_made_and_lifted_with_proof_alone(
    organisation: Organisation, sign_in: SignIn
) -> None:
    client = sign_in(*EDITOR, team="acme.billing")
    typed = {
        "csrf": _token(client),
        "address": "+49 (0)170 / 123 45 67",
        "kind": "asked",
        "why": "By telephone, 30 November.",
        "team": "acme.billing",
        "channels": ["sms", "voice"],
    }
    for wrong, said in (
        ({"address": "17"}, "field-address"),
        ({"channels": ["email"]}, "field-channels"),
        ({"team": "acme"}, "field-team"),
        ({"category": "no_such"}, None),
        ({"why": ""}, "field-why"),
    ):
        answer = client.post("/opt-outs/new", data=typed | wrong)
        assert answer.status_code == (422 if said else 200) and (said or "Stopped") in answer.text, wrong
        assert "By telephone" in answer.text or wrong == {"why": ""}
    looked = client.post("/opt-outs/new", data=typed).text
    assert "Text message, Call" in looked and "other channels are held back too" in looked
    assert organisation.rows(IN_FORCE) == []
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', looked)
    assert client.post("/opt-outs/new", data=typed | {"seen": seen, "address": "+49 170 7654321"}).status_code == 200
    assert organisation.rows(IN_FORCE) == [], "another address is looked at first"
    made = client.post("/opt-outs/new", data=typed | {"seen": seen})
    assert made.status_code == 303
    assert [(row["channel"], row["reason"], row["why"]) for row in organisation.rows(IN_FORCE)] == [
        ("sms", OPTED_OUT, "By telephone, 30 November."),
        ("voice", OPTED_OUT, "By telephone, 30 November."),
    ]
    page = client.get(made.headers["location"]).text
    assert "2 suppressions were made" in page and "1234567" not in page and "1234567" not in made.headers["location"]
    assert (
        client.post("/opt-outs/find", data={"csrf": typed["csrf"], "address": "+491701234567"}).headers["location"]
        == made.headers["location"]
    )

    number = min(int(each) for each in re.findall(r'href="/opt-outs/([0-9]+)"', page))
    asked = client.get(f"/opt-outs/{number}").text
    assert "This is allowed again:" in asked and "This still holds for the address:" in asked
    lifting = {"csrf": typed["csrf"], "why": "They wrote to us again."}
    assert client.post(f"/opt-outs/{number}/lift", data=lifting).status_code == 422
    assert client.post(f"/opt-outs/{number}/lift", data=lifting | {"agreed": "yes", "why": ""}).status_code == 422
    assert len(organisation.rows(IN_FORCE)) == 2
    assert client.post(f"/opt-outs/{number}/lift", data=lifting | {"agreed": "yes"}).status_code == 303
    assert len(organisation.rows(IN_FORCE)) == 1
    over = client.get(f"/opt-outs/{number}").text
    assert "is lifted" in over and "They wrote to us again." in over
    again = client.post(f"/opt-outs/{number}/lift", data=lifting | {"agreed": "yes"})
    assert again.status_code == 303 and "It had been lifted meanwhile" in client.get(f"/opt-outs/{number}").text
    why = organisation.rows("select detail ->> 'why' as why from audit where action = 'suppression.lifted'")
    assert why == [{"why": "They wrote to us again."}]


def test_the_list_by_team_reason_and_page(organisation: Organisation, sign_in: SignIn) -> None:
    own = opt_outs(organisation.engine)
    with organisation.engine.begin() as connection:
        pairs = [("sms", address_hash(f"+4917076{number:05d}", b"x")) for number in range(60)]
        made = record_suppressions(
            connection, pairs, team_id=organisation.teams["acme.care"], reason="by_hand", source="user:x"
        )
    everybody = sign_in(Permission.SUPPRESSION_SEE, team="acme")
    first = everybody.get("/opt-outs?team=acme.care").text
    (older,) = re.findall(r'href="([^"]*)" rel="next"', first)
    second = everybody.get(older.replace("&amp;", "&")).text
    shown = [int(each) for page in (first, second) for each in re.findall(r'<a href="/opt-outs/([0-9]+)">', page)]
    assert shown == sorted(made, reverse=True)
    billing = sign_in(Permission.SUPPRESSION_SEE, team="acme.billing")
    listed = {int(each) for each in re.findall(r'<a href="/opt-outs/([0-9]+)">', billing.get("/opt-outs").text)}
    assert listed == set(own)
    bounced = billing.get("/opt-outs?reason=hard_bounce").text
    assert len(re.findall(r'<a href="/opt-outs/([0-9]+)">', bounced)) == 2
    assert billing.get(f"/opt-outs/{made[0]}").status_code == 404
    assert billing.get("/opt-outs.csv").text.count("\r\n") == 6
    for_all = billing.get(f"/opt-outs/{own[-1]}").text
    assert "all teams" in for_all and "Where it" not in for_all


def test_who_read_a_reply_makes_it_an_opt_out_or_not_and_the_second_is_told(
    organisation: Organisation, sign_in: SignIn
) -> None:
    campaign = campaign_of(organisation.engine, "acme.billing", "sending")
    message = message_of(organisation.engine, campaign)
    first = reply_of(organisation.engine, "acme.billing", message=message)
    second = reply_of(organisation.engine, "acme.billing", "no more", address="+491709999999")
    reader = sign_in(Permission.REPLY_SEE)
    page = reader.get(f"/opt-outs/probable/{first}").text
    assert (
        "please stop texting me" not in page and "Make it an opt-out" not in page and "Your visit is at 9." not in page
    )
    refused = reader.post(f"/opt-outs/probable/{first}", data={"csrf": _token(reader), "decision": "opt_out"})
    assert refused.status_code == 404

    decider = sign_in(Permission.REPLY_SEE, Permission.PERSONAL_SEE, *EDITOR, name="Ann Example")
    waiting = decider.get("/opt-outs/probable").text
    assert "please stop texting me" in waiting and "no more" in waiting
    assert re.search(r'Opt-outs<span class="count">2<', waiting)
    asked = decider.get(f"/opt-outs/probable/{first}").text
    assert "Your visit is at 9." in asked and "by any team that sends from +15005550006" in asked
    token = _token(decider)
    assert decider.post(f"/opt-outs/probable/{first}", data={"csrf": token}).status_code == 422
    assert decider.post(f"/opt-outs/probable/{first}", data={"csrf": token, "decision": "opt_out"}).status_code == 303
    hashed = address_hash("+491701234567", SECRET_KEY.encode())
    kept = organisation.rows("select address_hash, reason from suppression where lifted_at is null")
    assert [(bytes(row["address_hash"]), row["reason"]) for row in kept] == [(hashed, OPTED_OUT)]
    with organisation.engine.begin() as connection:
        decide_reply(connection, second, ReplyDecision.NO_OPT_OUT, actor="user:night")
    late = decider.post(f"/opt-outs/probable/{second}", data={"csrf": token, "decision": "opt_out"})
    assert late.status_code == 303
    told = decider.get(f"/opt-outs/probable/{second}").text
    assert "It was decided meanwhile" in told and "user:night" in told
    assert "No reply waits for a decision" in decider.get("/opt-outs/probable").text
