"""The pages of suspensions: what waits is said before and after, lifted with who and why, also where another was quicker."""

from __future__ import annotations

import re

import httpx

from nightmail.access.permissions import Permission
from nightmail.campaigns.suspensions import lift_suspension, suspend_channel
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_attention import campaign_of, message_of


def _token(client: httpx.Client) -> str:
    return re.findall(r'name="csrf" value="([^"]*)"', client.get("/me").text)[0]


def test_a_channel_is_suspended_after_a_look_at_what_waits_and_lifted_again(
    organisation: Organisation, sign_in: SignIn
) -> None:
    campaign = campaign_of(organisation.engine, "acme.billing", "sending")
    for line in (2, 3):
        message_of(organisation.engine, campaign, line=line, state="queued")
    other = campaign_of(organisation.engine, "acme.care", "sending")
    message_of(organisation.engine, other, state="queued")
    client = sign_in(Permission.CHANNEL_SUSPEND, Permission.CAMPAIGN_SEE, team="acme.billing", name="Ann Example")
    typed = {"csrf": _token(client), "channel": "sms", "team": "acme.billing", "reason": "wrong price in the texts"}
    assert client.post("/suspensions/new", data=typed | {"reason": ""}).status_code == 422
    looked = client.post("/suspensions/new", data=typed).text
    assert campaign.key in looked and other.key not in looked and "Its messages wait" in looked
    assert "wrong price in the texts" in looked and organisation.rows("select 1 from suspension") == []
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', looked)
    changed = client.post("/suspensions/new", data=typed | {"seen": seen, "channel": "email"})
    assert changed.status_code == 200 and organisation.rows("select 1 from suspension") == [], (
        "another one is looked at"
    )
    made = client.post("/suspensions/new", data=typed | {"seen": seen})
    assert made.status_code == 303
    page = client.get(made.headers["location"]).text
    assert "Ann Example" in page and "wrong price in the texts" in page and campaign.key in page
    assert "2 messages go out again" in page
    again = client.post("/suspensions/new", data=typed | {"seen": seen, "reason": "another reason"})
    assert again.headers["location"] == made.headers["location"]
    assert "It was suspended before" in client.get(again.headers["location"]).text

    lifting = f"{made.headers['location']}/lift"
    refused = client.post(lifting, data={"csrf": typed["csrf"], "why": " "})
    assert refused.status_code == 422 and "Say why it is used again." in refused.text
    lifted = client.post(lifting, data={"csrf": typed["csrf"], "why": "The texts are mended."})
    assert lifted.status_code == 303
    over = client.get("/suspensions?state=over").text
    assert "The texts are mended." in over and "Ann Example" in over
    detail = organisation.rows("select detail from audit where action = 'channel.resumed'")[0]["detail"]
    assert detail["why"] == "The texts are mended."
    assert client.post(lifting, data={"csrf": typed["csrf"], "why": "once more"}).status_code == 303
    assert "It had been lifted meanwhile" in client.get(made.headers["location"]).text


def test_who_sees_and_lifts_suspensions(organisation: Organisation, sign_in: SignIn) -> None:
    """What holds one's messages back is seen, also where only a team above may lift it; another team's is not."""
    engine, teams = organisation.engine, organisation.teams
    above = suspend_channel(engine, "sms", reason="above", by="user:x", team_id=teams["acme"])
    beside = suspend_channel(engine, "sms", reason="beside", by="user:x", team_id=teams["acme.care"])
    for_all = suspend_channel(engine, "voice", reason="for all", by="user:x")
    client = sign_in(Permission.CHANNEL_SUSPEND, team="acme.billing")
    page = client.get("/suspensions").text
    assert [f"/suspensions/{row.id}" in page for row in (above, beside, for_all)] == [True, False, True]
    assert client.get(f"/suspensions/{beside.id}").status_code == 404
    for row in (above, for_all):
        assert "Lift the suspension" not in client.get(f"/suspensions/{row.id}").text
        sent = {"csrf": _token(client), "why": "x"}
        assert client.post(f"/suspensions/{row.id}/lift", data=sent).status_code == 404
    typed = {"csrf": _token(client), "channel": "email", "team": "acme", "reason": "x", "seen": "email:acme"}
    assert client.post("/suspensions/new", data=typed).status_code == 422
    assert client.post("/suspensions/new", data=typed | {"team": "", "seen": "email:"}).status_code == 422
    assert sign_in(Permission.ALERT_SEE).get("/suspensions").status_code == 404
    assert len(organisation.rows("select 1 from suspension where lifted_at is null")) == 3
    lift_suspension(engine, above.id, by="user:y")
    assert "nobody" not in client.get("/suspensions?state=over").text
    assert client.get("/suspensions.csv").text.count("\r\n") == 2
