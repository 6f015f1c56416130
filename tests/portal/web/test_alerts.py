"""The pages of alerts: seen by their team alone, closed with who and why, and said so when another was quicker."""

from __future__ import annotations

import csv
import re
from io import StringIO

import httpx

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import close_alerts
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_attention import raise_alert_of

CLOSER = (Permission.ALERT_SEE, Permission.ALERT_CLOSE)


def _token(client: httpx.Client) -> str:
    return re.findall(r'name="csrf" value="([^"]*)"', client.get("/me").text)[0]


def test_alerts_are_seen_by_their_team_and_those_of_no_team_by_who_sees_all(
    organisation: Organisation, sign_in: SignIn
) -> None:
    own = raise_alert_of(organisation, "acme.billing", "carrier:own")
    other = raise_alert_of(organisation, "acme.care", "carrier:other")
    of_none = raise_alert_of(organisation, None, "job:report", "run_failed")
    billing = sign_in(Permission.ALERT_SEE, team="acme.billing")
    page = billing.get("/alerts").text
    assert f"/alerts/{own}" in page and f"/alerts/{other}" not in page and f"/alerts/{of_none}" not in page
    assert "A carrier account does not answer" in page and "Close the ticked" not in page
    assert re.search(r'Alerts<span class="count">1<', page)
    assert [billing.get(f"/alerts/{each}").status_code for each in (own, other, of_none)] == [200, 404, 404]
    everywhere = sign_in(Permission.ALERT_SEE, team="acme")
    assert all(f"/alerts/{each}" in everywhere.get("/alerts").text for each in (own, other, of_none))
    narrowed = everywhere.get("/alerts", params={"team": "acme.care", "reason": "carrier_unavailable"}).text
    assert f"/alerts/{other}" in narrowed and f"/alerts/{own}" not in narrowed
    assert sign_in(Permission.REPORT_SEE).get("/alerts").status_code == 404


def test_alerts_are_closed_together_with_why_and_who_was_quicker_is_named(
    organisation: Organisation, sign_in: SignIn
) -> None:
    one, two, three = (raise_alert_of(organisation, "acme.billing", f"carrier:{n}") for n in range(3))
    client = sign_in(*CLOSER, name="Ann Example")
    asked = client.get("/alerts/close", params={"alert": [one, two]}).text
    assert "Close 2 alerts?" in asked and "raised again" in asked
    with organisation.engine.begin() as connection:
        close_alerts(connection, [two], actor="user:night", why="called them")
    sent = client.post("/alerts/close", data={"csrf": _token(client), "alert": [one, two], "why": "It is mended."})
    assert sent.status_code == 303
    said = client.get("/alerts").text
    assert "1 alert is closed." in said and "1 had been closed meanwhile: user:night." in said
    kept = organisation.rows("select id, closed_by, closed_why from alert where resolved_at is not null order by id")
    assert [(row["id"], row["closed_why"]) for row in kept] == [(one, "It is mended."), (two, "called them")]
    assert organisation.rows(
        "select detail ->> 'why' as why from audit where action = 'alert.closed' order by id desc"
    ) == [
        {"why": "It is mended."},
        {"why": "called them"},
    ]
    over = client.get("/alerts?state=over").text
    assert "Ann Example" in over and "It is mended." in over and f"/alerts/{three}" not in over


def test_nobody_closes_what_they_only_see(organisation: Organisation, sign_in: SignIn) -> None:
    number = raise_alert_of(organisation, "acme.billing", "carrier:x")
    reader = sign_in(Permission.ALERT_SEE)
    assert "Close the alert" not in reader.get(f"/alerts/{number}").text
    assert reader.post("/alerts/close", data={"csrf": _token(reader), "alert": number}).status_code == 404
    of_care = sign_in(*CLOSER, team="acme.care")
    assert of_care.post("/alerts/close", data={"csrf": _token(of_care), "alert": number}).status_code == 404
    assert organisation.rows("select 1 from alert where resolved_at is not null") == []


def test_the_list_by_pages_and_as_a_file(organisation: Organisation, sign_in: SignIn) -> None:
    made = [raise_alert_of(organisation, "acme.billing", f"carrier:{n}") for n in range(60)]
    client = sign_in(Permission.ALERT_SEE, Permission.AUDIT_SEE)
    first = client.get("/alerts").text
    (older,) = re.findall(r'href="(/alerts\?after=[0-9]+)" rel="next"', first)
    second = client.get(older).text
    shown = [int(each) for page in (first, second) for each in re.findall(r'<a href="/alerts/([0-9]+)">', page)]
    assert shown == made[::-1]
    answer = client.get("/alerts.csv?team=acme.billing")
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
    assert [int(row["Id"]) for row in rows] == made[::-1] and rows[0]["Reason"] == "carrier_unavailable"
    assert organisation.rows("select action, detail from audit where action = 'alerts.exported'") == [
        {"action": "alerts.exported", "detail": {"filters": ["team"]}}
    ]
