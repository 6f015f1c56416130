"""Home: what is wrong first, of what one may see alone; how things stand; the choice of pages for who sees no campaigns."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import raise_alert
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_campaigns import busy, campaign_in

OPERATOR = (Permission.CAMPAIGN_SEE, Permission.ALERT_SEE)


def main_of(client: httpx.Client, address: str = "/") -> str:
    """What a page says, without its frame and with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(address).text.split("<main")[1].split("</main")[0]))


def test_all_is_well_where_nothing_is_wrong(organisation: Organisation, sign_in: SignIn) -> None:
    campaign_in(organisation.engine, "finished", done=400)
    page = main_of(sign_in(*OPERATOR))
    assert "All is well" in page and "wrong" not in page and "Nothing is under way" in page


def test_what_is_wrong_comes_first_and_leads_on(organisation: Organisation, sign_in: SignIn) -> None:
    busy(organisation.engine, "")
    client = sign_in(*OPERATOR, Permission.CAMPAIGN_APPROVE)
    page = client.get("/").text.split("<main")[1]
    assert "3 things are wrong" in page and "All is well" not in page
    assert page.index("3 things are wrong") < page.index("Sending now")
    assert re.search(r'<a href="/campaigns\?state=stopped">1 campaign was stopped', page)
    assert re.search(r'<a href="/alerts">The sensor of files failed five times.', page)
    shown = main_of(client)
    assert "Sending now 2 campaigns" in shown and "Queued 498" in shown and "Answered today 24" in shown
    assert "249 of 388" in shown and "€17.65" in shown and "Call Suspended The carrier refuses our password." in shown
    assert page.count('<rect class="series-delivered"') >= 14


def test_what_one_may_not_see_is_neither_shown_nor_counted(organisation: Organisation, sign_in: SignIn) -> None:
    busy(organisation.engine, "")
    with organisation.engine.begin() as connection:
        team = organisation.teams["acme.billing"]
        raise_alert(connection, reason="in_doubt", subject="x", message="An alert of billing.", team_id=team)
    shown = main_of(sign_in(*OPERATOR, team="acme.care"))
    assert "acme.billing" not in shown and "acme.care" in shown
    assert "An alert of billing" not in shown and "sensor of files" not in shown and "stopped" not in shown
    assert "Sending now 1 campaigns" in shown and "Queued 359" in shown and "Answered today 12" in shown
    assert "twilio" not in shown
    without_alerts = main_of(sign_in(Permission.CAMPAIGN_SEE))
    assert "sensor of files" not in without_alerts and "1 campaign was stopped" in without_alerts


def test_who_sees_no_campaigns_has_the_choice_of_pages(organisation: Organisation, sign_in: SignIn) -> None:
    busy(organisation.engine, "")
    client = sign_in(Permission.PEOPLE_SEE)
    page = client.get("/").text
    assert 'class="card choice" href="/people"' in page and "wrong" not in page and "Sending now" not in page
    assert client.get("/now").status_code == 404


def test_home_follows_what_happens(organisation: Organisation, sign_in: SignIn) -> None:
    key = campaign_in(organisation.engine, "sending", done=250)
    client = sign_in(*OPERATOR)
    assert 'hx-get="/now" hx-trigger="every 5s"' in client.get("/").text
    first = client.get("/now")
    assert client.get("/now", headers={"If-None-Match": first.headers["etag"]}).status_code in (200, 304)
    organisation.change("update message set state = 'in_doubt' where state = 'handing_over'")
    organisation.change("update campaign set state = 'stopped' where key = :key", key=key)
    later = client.get("/now", headers={"If-None-Match": first.headers["etag"]})
    assert later.status_code == 200 and "1 campaign was stopped" in later.text


def test_home_asks_the_database_a_few_times(
    organisation: Organisation, sign_in: SignIn, asked_by: Callable[[httpx.Client, str], int]
) -> None:
    busy(organisation.engine, "")
    assert asked_by(sign_in(*OPERATOR, Permission.FEED_SEE), "/") <= 11
