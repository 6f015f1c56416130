"""The list of campaigns: what one may see, filters, its table while campaigns move, and as CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from io import StringIO

import httpx

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_campaigns import campaign_in, every_state


def shown(client: httpx.Client, **filters: str) -> list[str]:
    """The keys that the list shows, in its order."""
    page = client.get("/campaigns", params=filters)
    return re.findall(r'class="campaign-key" href="/campaigns/([^"]+)"', page.text)


def test_only_what_one_may_see_is_listed_found_and_exported(organisation: Organisation, sign_in: SignIn) -> None:
    billing = campaign_in(organisation.engine, "finished", done=400)
    care = campaign_in(organisation.engine, "sending", done=30, team="acme.care")
    all_of_acme = sign_in(Permission.CAMPAIGN_SEE, name="Ann")
    of_billing = sign_in(Permission.CAMPAIGN_SEE, name="Ben", team="acme.billing")
    of_people = sign_in(Permission.PEOPLE_SEE, name="Cleo")

    assert shown(all_of_acme) == [care, billing]
    assert shown(of_billing) == [billing]
    assert shown(of_billing, team="acme.care") == []
    assert care not in of_billing.get("/campaigns.csv").text
    assert care not in of_billing.get("/search", params={"q": care}).text.replace(f'value="{care}"', "").split("<main")[
        1
    ].replace(f"“{care}”", "")
    assert billing in of_billing.get("/search", params={"q": "billing.visits"}).text
    for path in ("/campaigns", "/campaigns.csv", "/campaigns/rows"):
        assert of_people.get(path).status_code == 404
    assert "/campaigns" not in of_people.get("/").text


def test_filters_sorting_and_places(organisation: Organisation, sign_in: SignIn) -> None:
    every_state(organisation.engine)
    paused = organisation.rows("select key from campaign where state = 'paused'")[0]["key"]
    client = sign_in(Permission.CAMPAIGN_SEE)
    newest = shown(client)
    assert len(newest) == 10
    assert shown(client, order="oldest") == newest[::-1]
    assert shown(client, state="paused") == [paused]
    assert len(shown(client, state="open")) == 7 and len(shown(client, state="over")) == 3
    assert shown(client, channel="email") and shown(client, channel="voice") == []
    assert shown(client, feed="visits") == newest and shown(client, feed="other") == []
    assert shown(client, search=paused[-6:].upper()) == [paused]
    assert shown(client, since="2020-01-01", until="2020-02-01") == [] and shown(client, since="2020-01-01") == newest
    organisation.change("update campaign set counts = counts || '{\"x\": 1}' where key = :key", key=paused)
    assert sorted(shown(client, order="changed")) == sorted(newest)
    wrong = client.get("/campaigns", params={"since": "tomorrow"})
    assert wrong.status_code == 422 and 'value="tomorrow"' in wrong.text and "Give a date" in wrong.text


def test_pages_of_the_list_have_each_campaign_once(organisation: Organisation, sign_in: SignIn) -> None:
    keys = [organisation.campaign().key for _ in range(60)]
    client = sign_in(Permission.CAMPAIGN_SEE)
    for order in ("newest", "oldest", "changed"):
        address, found = f"/campaigns?order={order}", []
        while address:
            page = client.get(address).text
            found += re.findall(r'class="campaign-key" href="/campaigns/([^"]+)"', page)
            older = re.search(r'href="([^"]+)" rel="next"', page)
            address = older[1].replace("&amp;", "&") if older else ""
        assert len(found) == 60 and set(found) == set(keys)


def test_the_table_alone_answers_that_nothing_changed(organisation: Organisation, sign_in: SignIn) -> None:
    sending = campaign_in(organisation.engine, "sending", done=100)
    client = sign_in(Permission.CAMPAIGN_SEE)
    page = client.get("/campaigns").text
    again = re.findall(r'hx-get="([^"]+)"', page)[0].replace("&amp;", "&")
    first = client.get(again)
    assert "99 of 388" in first.text and "<h1" not in first.text
    unchanged = client.get(again, headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304 and not unchanged.content
    organisation.change(
        "update message set state = 'cancelled', reason = 'campaign_cancelled' where state = 'queued' "
        "and campaign_id = (select id from campaign where key = :key)",
        key=sending,
    )
    changed = client.get(again, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200 and "388 of 388" in changed.text
    organisation.change("update campaign set state = 'finished' where key = :key", key=sending)
    assert "hx-get" not in client.get(again).text


def test_the_list_as_csv_is_recorded(organisation: Organisation, sign_in: SignIn) -> None:
    every_state(organisation.engine)
    client = sign_in(Permission.CAMPAIGN_SEE)
    answer = client.get("/campaigns.csv", params={"state": "paused", "team": "acme.billing"})
    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [(row["state"], row["rows"], row["held"]) for row in rows] == [("paused", "412", "12")]
    entry = organisation.rows("select action, detail from audit where action = 'campaigns.exported'")
    assert entry == [{"action": "campaigns.exported", "detail": {"filters": ["state", "team"]}}]


def test_the_list_asks_the_database_a_few_times_however_long_it_is(
    organisation: Organisation, sign_in: SignIn, asked_by: Callable[[httpx.Client, str], int]
) -> None:
    every_state(organisation.engine)
    assert asked_by(sign_in(Permission.CAMPAIGN_SEE), "/campaigns") <= 4
