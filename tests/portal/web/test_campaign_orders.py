"""Orders to a campaign: each asks once more, is given to what was looked at, and is kept with who and why."""

from __future__ import annotations

import datetime as dt
import re

import httpx

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import get_campaign
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_campaigns import campaign_in

CONTROL = (Permission.CAMPAIGN_SEE, Permission.CAMPAIGN_CONTROL)


def form_of(client: httpx.Client, address: str) -> dict[str, str]:
    """What the form at an address carries, hidden fields and the typed start."""
    page = client.get(address).text.split("<main")[1]
    return dict(re.findall(r'name="(csrf|seen|start)"[^>]* value="([^"]*)"', page))


def state(organisation: Organisation, key: str) -> str:
    return str(organisation.rows("select state from campaign where key = :key", key=key)[0]["state"])


def test_pause_resume_and_cancel(organisation: Organisation, sign_in: SignIn) -> None:
    key = campaign_in(organisation.engine, "sending", done=250)
    address = f"/campaigns/{key}"
    client = sign_in(*CONTROL)
    page = client.get(f"{address}/pause").text
    assert "139 messages wait to be handed off" in page and "242 messages are handed off" in page
    answer = client.post(f"{address}/pause", data=form_of(client, f"{address}/pause") | {"reason": "wrong amount"})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert "Paused. 139 messages wait." in client.get(address).text
    assert client.post(f"{address}/resume", data=form_of(client, f"{address}/resume")).status_code == 303
    assert state(organisation, key) == "sending"
    page = client.get(f"{address}/cancel").text
    assert "This cannot be undone." in page
    assert client.post(f"{address}/cancel", data=form_of(client, f"{address}/cancel")).status_code == 303
    assert "139 messages are not sent" in client.get(address).text
    person = organisation.rows("select id from person order by id desc limit 1")[0]["id"]
    entries = organisation.rows(
        "select actor, action, detail ->> 'because' as why from audit where action like 'campaign.%' order by id"
    )
    actor = f"person:{person}"
    assert [(entry["actor"], entry["action"], entry["why"]) for entry in entries[1:]] == [
        (actor, "campaign.paused", "wrong amount"),
        (actor, "campaign.sending", None),
        (actor, "campaign.cancelled", None),
    ]
    assert "wrong amount" in client.get(f"{address}/history").text


def test_an_order_to_what_changed_meanwhile_is_not_given(organisation: Organisation, sign_in: SignIn) -> None:
    key = campaign_in(organisation.engine, "sending", done=250)
    address = f"/campaigns/{key}"
    client = sign_in(*CONTROL)
    form = form_of(client, f"{address}/cancel")
    organisation.change("update campaign set state = 'paused' where key = :key", key=key)
    refused = client.post(f"{address}/cancel", data=form | {"reason": "typed with care"})
    assert refused.status_code == 422 and state(organisation, key) == "paused"
    assert "changed since you looked at it" in refused.text and "typed with care" in refused.text
    seen = re.search(r'name="seen" value="([^"]*)"', refused.text)
    assert seen is not None
    assert client.post(f"{address}/cancel", data=form | {"seen": seen[1]}).status_code == 303
    assert state(organisation, key) == "cancelled"
    twice = client.post(f"{address}/cancel", data=form | {"seen": seen[1]})
    assert twice.status_code == 422 and "changed since you looked" in twice.text


def test_orders_that_a_state_does_not_allow(organisation: Organisation, sign_in: SignIn) -> None:
    address = f"/campaigns/{campaign_in(organisation.engine, 'finished', done=400)}"
    client = sign_in(*CONTROL)
    assert not re.search(r'href="[^"]*/(pause|resume|cancel|schedule)"', client.get(address).text)
    for which in ("pause", "resume", "cancel", "schedule"):
        page = client.get(f"{address}/{which}")
        assert page.status_code == 200 and "Not possible now" in page.text and 'name="seen"' not in page.text


def test_another_start_earlier_and_later(organisation: Organisation, sign_in: SignIn) -> None:
    now = dt.datetime.now(dt.UTC)
    starts = now.replace(microsecond=0) + dt.timedelta(hours=9)
    key = campaign_in(organisation.engine, "scheduled", done=1, starts=starts)
    organisation.change("update message set due_at = :starts", starts=starts)
    organisation.change("update message set due_at = :later where line = 5", later=starts + dt.timedelta(hours=3))
    address = f"/campaigns/{key}/schedule"
    client = sign_in(*CONTROL, time_zone="Europe/Berlin")
    earlier = (now + dt.timedelta(hours=2)).replace(second=0, microsecond=0)
    typed = (earlier + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    assert client.post(address, data=form_of(client, address) | {"start": typed}).status_code == 303
    assert organisation.rows("select scheduled_at from campaign") == [{"scheduled_at": earlier}]
    due = organisation.rows("select due_at, count(*) as n from message group by due_at order by due_at")
    assert [(row["due_at"], row["n"]) for row in due] == [(earlier, 387), (starts + dt.timedelta(hours=3), 1)]
    change = organisation.rows("select before, after from audit where action = 'campaign.changed'")
    assert change[0]["after"] == {"scheduled_at": earlier.isoformat()}

    for wrong, said in (
        ("2020-01-01T08:00", "it is over"),
        ("soon", "Give a day and a time"),
        ("", "Give a day and a time"),
    ):
        refused = client.post(address, data=form_of(client, address) | {"start": wrong, "reason": "kept"})
        assert refused.status_code == 422 and said in refused.text and "kept" in refused.text, wrong
    organisation.change("update campaign set cut_off_at = scheduled_at + interval '1 hour'")
    refused = client.post(address, data=form_of(client, address) | {"start": "2027-01-01T08:00"})
    assert refused.status_code == 422 and "before the cut-off" in refused.text


def test_another_start_voids_an_approval(organisation: Organisation, sign_in: SignIn) -> None:
    starts = dt.datetime.now(dt.UTC) + dt.timedelta(hours=9)
    key = campaign_in(organisation.engine, "awaiting_approval", done=1, starts=starts)
    with organisation.engine.begin() as connection:
        row = get_campaign(connection, key)
        write_entry(connection, actor="user:tests", action="campaign.created", subject=key)
        ask_for_approval(connection, row, {"reason": "x", "message": "Look at it."}, actor="test")
    organisation.change("update approval set approved_by = 'person:1', approved_at = now()")
    organisation.change("update campaign set state = 'scheduled' where key = :key", key=key)
    client = sign_in(*CONTROL)
    address = f"/campaigns/{key}/schedule"
    later = (starts + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    assert client.post(address, data=form_of(client, address) | {"start": later}).status_code == 303
    assert state(organisation, key) == "awaiting_approval"
    assert "waits for approval again" in client.get(f"/campaigns/{key}").text
