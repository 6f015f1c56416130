"""Campaigns over HTTP: seen by one's own team and those above only, page by page; ordered about; explained."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.campaigns.late_starts import record_waiting
from nightmail.campaigns.start_times import CampaignTimes
from nightmail.carriers.protocol import Reply, ReplyKind
from nightmail.lake import Lake
from nightmail.lake.schemas import REJECTS
from nightmail.reasons.problems import stated_problem
from nightmail.receipts.replies import take_replies
from tests.portal.conftest import SECRET_KEY, Organisation, PortalStarter, RunningPortal


def test_a_key_sees_its_own_team_and_those_below(portal: RunningPortal, organisation: Organisation) -> None:
    """Siblings do not exist for each other: 404, as for a campaign that never was."""
    billing, care = organisation.campaign("acme.billing").key, organisation.campaign("acme.care").key
    keys = {team: organisation.key(team=team) for team in organisation.teams}

    def seen(team: str) -> set[str]:
        return {item["id"] for item in portal.api("GET", "/v1/campaigns", keys[team]).json()["items"]}

    assert seen("acme") == {billing, care}
    assert seen("acme.billing") == {billing}
    for path in ("", "/messages", "/rejects.csv", "/report"):
        foreign = portal.api("GET", f"/v1/campaigns/{care}{path}", keys["acme.billing"])
        nowhere = portal.api("GET", f"/v1/campaigns/{care[:-6]}000000{path}", keys["acme.billing"])
        assert (foreign.status_code, foreign.json()["reason"]) == (404, "campaign_unknown")
        assert foreign.json() == {**nowhere.json(), "detail": foreign.json()["detail"]}
    assert portal.api("POST", f"/v1/campaigns/{care}/cancel", keys["acme.billing"]).status_code == 404
    assert organisation.rows("select state from campaign where state <> 'received'") == []


def test_pages_show_each_campaign_once_while_new_ones_come(portal: RunningPortal, organisation: Organisation) -> None:
    """The cursor means "older than this one": what comes in between moves nothing."""
    key = organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
    made = [organisation.campaign().key for _ in range(5)]
    shown, address = [], "/v1/campaigns?limit=2"
    while address:
        answer = portal.api("GET", address, key)
        shown += [item["id"] for item in answer.json()["items"]]
        organisation.campaign()
        following = answer.links.get("next")
        assert bool(following) == (answer.json()["next"] is not None)
        address = following["url"] if following else ""
    assert shown == made[::-1]
    wrong = portal.api("GET", "/v1/campaigns?cursor=nonsense", key)
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "query.cursor")


def test_orders_move_a_campaign_or_say_why_not(portal: RunningPortal, organisation: Organisation) -> None:
    """Pause, resume and cancel, what was left unsent each time, and 409 for what the state does not allow."""
    key = organisation.key(Permission.CAMPAIGN_CONTROL, Permission.CAMPAIGN_APPROVE)
    campaign = organisation.campaign()
    for line in range(1, 4):
        organisation.message(campaign, line=line, state="queued")
    organisation.move(campaign, "checking", "sending")
    order = f"/v1/campaigns/{campaign.key}"
    paused = portal.api("POST", f"{order}/pause", key).json()
    assert (paused["campaign"]["state"], paused["not_sent"]) == ("paused", 3)
    assert portal.api("POST", f"{order}/pause", key).json()["not_sent"] == 3
    assert portal.api("POST", f"{order}/resume", key).json()["campaign"]["state"] == "sending"
    cancelled = portal.api("POST", f"{order}/cancel", key).json()
    assert (cancelled["campaign"]["state"], cancelled["not_sent"]) == ("cancelled", 3)
    refused = portal.api("POST", f"{order}/resume", key)
    assert (refused.status_code, refused.json()["reason"]) == (409, "campaign_state")
    approved = portal.api("POST", f"{order}/approve", key)
    for problem in (refused.json(), approved.json()):
        assert problem["remedy"] and "`nightmail" not in problem["remedy"], "a program has no command line"
    assert organisation.rows("select distinct state from message") == [{"state": "cancelled"}]
    actors = {row["actor"] for row in organisation.rows("select actor from audit where action = 'campaign.paused'")}
    assert all(actor.startswith("key:") for actor in actors)
    assert (
        portal.api(
            "POST", f"{order}/pause", organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
        ).status_code
        == 403
    )


def test_an_approval_lets_a_waiting_campaign_go(portal: RunningPortal, organisation: Organisation) -> None:
    """A feed's first file waits for a person or a program that may say so."""
    campaign = organisation.campaign()
    key = organisation.key(Permission.CAMPAIGN_CONTROL, Permission.CAMPAIGN_APPROVE)
    assert portal.api("POST", f"/v1/campaigns/{campaign.key}/approve", key).status_code == 409
    organisation.move(campaign, "checking", "awaiting_approval")
    approved = portal.api("POST", f"/v1/campaigns/{campaign.key}/approve", key)
    assert approved.json()["campaign"]["state"] == "sending"


def test_who_lets_a_campaign_go_is_told_that_it_ends_too_late(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """An approval, and a resumption at half the rate, with a cut-off that is seconds away."""
    organisation.change("update carrier_account set settings = settings || '{\"rate_per_s\": 0.1}'")
    campaign = organisation.campaign(times=CampaignTimes(cut_off_at=datetime.now(UTC) + timedelta(seconds=25)))
    key = organisation.key(
        Permission.CAMPAIGN_CONTROL, Permission.CAMPAIGN_APPROVE, Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE
    )
    for line in (2, 3):
        organisation.message(campaign, line, state="queued")
    organisation.move(campaign, "checking", "awaiting_approval")
    approved = portal.api("POST", f"/v1/campaigns/{campaign.key}/approve", key).json()["campaign"]
    assert (approved["late"], approved["late_warning"]) == (False, None)
    portal.api("POST", f"/v1/campaigns/{campaign.key}/pause", key)
    organisation.change("update carrier_account set settings = settings || '{\"rate_per_s\": 0.05}'")
    resumed = portal.api("POST", f"/v1/campaigns/{campaign.key}/resume", key).json()["campaign"]
    assert (resumed["late"], resumed["late_warning"]["reason"]) == (True, "cut_off_at_risk")
    shown = portal.api("GET", f"/v1/campaigns/{campaign.key}", key).json()
    assert (shown["late"], shown["finishes_by"]) == (True, resumed["finishes_by"])


def test_what_became_of_each_message(portal: RunningPortal, organisation: Organisation) -> None:
    """In the order of the file's rows, filtered, page by page, without an address."""
    campaign, other = organisation.campaign(), organisation.campaign()
    organisation.message(other)
    for line in range(1, 8):
        organisation.message(campaign, line=line, delivery="delivered" if line % 2 else "undelivered")
    organisation.change(
        "insert into receipt (received_month, event_key, carrier, channel, ledger_month, message_key, campaign_id, status)"
        " select ledger_month, convert_to(message_key::text, 'UTF8'), 'twilio', 'sms', ledger_month, message_key, campaign_id,"
        " delivery from message where delivery is not null"
    )
    organisation.message(campaign, line=3, channel="email", address="a@example.com", state="standby")
    key = organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)
    address, lines = f"/v1/campaigns/{campaign.key}/messages?limit=3", []
    while address:
        answer = portal.api("GET", address, key)
        assert "+4917" not in answer.text
        assert "example.com" not in answer.text
        lines += [(item["line"], item["channel"]) for item in answer.json()["items"]]
        address = answer.links["next"]["url"] if "next" in answer.links else ""
    assert lines == [(1, "sms"), (2, "sms"), (3, "sms"), (3, "email"), *((line, "sms") for line in range(4, 8))]
    one = portal.api("GET", f"/v1/campaigns/{campaign.key}/messages?line=3", key).json()["items"]
    assert [item["id"] for item in one] == [f"{campaign.token}-3-sms-0", f"{campaign.token}-3-email-0"]
    found = portal.api("GET", f"/v1/campaigns/{campaign.key}/messages?delivery=undelivered", key).json()["items"]
    assert [item["line"] for item in found] == [2, 4, 6]
    assert portal.api("GET", f"/v1/campaigns/{campaign.key}/messages?state=nonsense", key).status_code == 422
    shown = portal.api("GET", f"/v1/campaigns/{campaign.key}", key).json()
    assert shown["messages"] == {"accepted": 7, "standby": 1}


def test_the_report_adds_up(portal: RunningPortal, organisation: Organisation) -> None:
    """Messages by channel, country, state and delivery, with segments and exact money."""
    campaign = organisation.campaign()
    for line in range(1, 4):
        organisation.message(campaign, line=line, segments=2, cost="0.070001", currency="EUR", delivery="delivered")
    organisation.message(campaign, line=4, state="held", reason="opted_out", handed_off_at=None)
    report = portal.api("GET", f"/v1/campaigns/{campaign.key}/report", organisation.key(Permission.REPORT_SEE)).json()
    assert report["campaign"] == campaign.key
    accepted, held = report["lines"]
    assert (accepted["messages"], accepted["segments"], accepted["cost"]) == (3, 6, "0.210003")
    assert (held["state"], held["reason"], held["messages"]) == ("held", "opted_out", 1)


def test_feeds_say_what_they_take(portal: RunningPortal, organisation: Organisation) -> None:
    """The feeds of the team and those below, page by page, under the names that an upload takes."""
    key = organisation.key(team="acme")
    first = portal.api("GET", "/v1/feeds?limit=1", key)
    second = portal.api("GET", first.links["next"]["url"], key)
    feeds = first.json()["items"] + second.json()["items"]
    assert [feed["feed"] for feed in feeds] == ["acme.billing/visits", "acme.care/visits"]
    assert (feeds[0]["placeholders"], feeds[0]["channels"]) == (["time"], ["sms", "voice"])
    assert second.json()["next"] is None
    own = portal.api("GET", "/v1/feeds", organisation.key(team="acme.care")).json()["items"]
    assert [feed["feed"] for feed in own] == ["acme.care/visits"]


def test_what_recipients_answered(portal: RunningPortal, organisation: Organisation) -> None:
    """Newest first, tied to the message that each answers; what they said is personal data, and there for who may see such."""
    campaign = organisation.campaign()
    message_id = organisation.message(campaign)
    said = [
        Reply(
            "twilio",
            "sms",
            f"r{number}",
            ReplyKind.TEXT,
            f"Yes {number}",
            "+491701234567",
            "+49",
            message_id=message_id,
        )
        for number in range(3)
    ]
    take_replies(organisation.engine, said, hash_key=SECRET_KEY.encode())
    key = organisation.key(Permission.REPLY_SEE, Permission.PERSONAL_SEE)
    first = portal.api("GET", f"/v1/campaigns/{campaign.key}/replies?limit=2", key)
    second = portal.api("GET", first.links["next"]["url"], key)
    items = first.json()["items"] + second.json()["items"]
    assert [item["text"] for item in items] == ["Yes 2", "Yes 1", "Yes 0"]
    without = portal.api("GET", f"/v1/campaigns/{campaign.key}/replies", organisation.key(Permission.REPLY_SEE))
    assert [item["text"] for item in without.json()["items"]] == [None] * 3
    assert {item["message"] for item in items} == {message_id}
    assert (
        portal.api(
            "GET",
            f"/v1/campaigns/{campaign.key}/replies",
            organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE),
        ).status_code
        == 403
    )


def test_a_channel_is_suspended_for_a_team_and_used_again(portal: RunningPortal, organisation: Organisation) -> None:
    """By a key of the team or of one above; others neither see nor lift it."""
    key, care = organisation.key(Permission.CHANNEL_SUSPEND), organisation.key(team="acme.care")
    order = {"channel": "sms", "reason": "wrong price"}
    made = portal.api("POST", "/v1/suspensions", key, json=order)
    assert (made.status_code, made.json()["team"], made.json()["waiting"]) == (201, "acme.billing", 0)
    assert portal.api("POST", "/v1/suspensions", key, json=order).json()["id"] == made.json()["id"]
    assert portal.api("GET", "/v1/suspensions", care).json() == []
    assert portal.api("DELETE", made.headers["location"], care).status_code == 404
    foreign = portal.api("POST", "/v1/suspensions", care, json={**order, "team": "acme.billing"})
    assert (foreign.status_code, foreign.json()["reason"]) == (404, "team_unknown")
    above = organisation.key(team="acme")
    assert [item["channel"] for item in portal.api("GET", "/v1/suspensions", above).json()] == ["sms"]
    assert portal.api("DELETE", made.headers["location"], above).status_code == 204
    assert organisation.rows("select * from suspension where lifted_at is null") == []
    lifted = portal.api("DELETE", made.headers["location"], key).json()
    assert lifted["reason"] == "suspension_unknown" and "`nightmail" not in lifted["remedy"]


def test_rejects_are_a_file_to_correct(portal: RunningPortal, organisation: Organisation) -> None:
    """Before the rows are judged 409 with Retry-After, then the original columns with the reasons; a scope of its own."""
    campaign = organisation.campaign()
    key = organisation.key(Permission.FILE_SEE, Permission.PERSONAL_SEE)
    address = f"/v1/campaigns/{campaign.key}/rejects.csv"
    early = portal.api("GET", address, key)
    assert (early.status_code, early.json()["reason"]) == (409, "not_ready_yet")
    assert int(early.headers["retry-after"]) > 0
    _judge(portal, campaign.key)
    answer = portal.api("GET", address, key)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["nightmail_reason"] for row in rows] == ["phone_invalid"]
    assert (
        portal.api("GET", address, organisation.key(Permission.CAMPAIGN_SEE, Permission.MESSAGE_SEE)).status_code == 403
    )
    assert len(organisation.rows("select * from audit where action = 'rejects.downloaded'")) == 1


def _judge(portal: RunningPortal, campaign: str) -> None:
    """Have a file read and give it one reject, by the domain's own reader."""
    from nightmail.contact_files import ReadOptions, read_contact_file
    from nightmail.lake import TableFile
    from nightmail.preparation.stage_tables import StageTables

    tables = StageTables.of_campaign(Lake(portal.settings.lake), campaign)
    source = portal.settings.data_dir / "visits.csv"
    source.write_text("external_id,phone,time\n1,+491701234567,9\n2,12,10\n")
    read_contact_file(source, tables.contact_file, ReadOptions(rejects=TableFile(f"{source}.rejects")))
    reject = {"line": 3, "column": "phone", "value": "12", "reason": "phone_invalid", "message": "12 is not valid."}
    tables.rejects.write(pa.Table.from_pylist([reject], REJECTS))


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/campaigns", 405, "method_not_allowed"),
        ("PATCH", "/v1/contact-files", 405, "method_not_allowed"),
        ("GET", "/v1/campaigns?limit=0", 422, "request_invalid"),
        ("GET", "/v1/campaigns/%00", 422, "request_invalid"),
        ("GET", "/v1/contact-files/99999", 404, "file_unknown"),
        ("GET", "/v1/webhooks/99999", 404, "webhook_unknown"),
        ("POST", "/v1/messages", 422, "request_invalid"),
    ],
)
def test_every_error_is_a_problem_document(
    portal: RunningPortal, organisation: Organisation, method: str, path: str, status: int, reason: str
) -> None:
    """One form for all, whoever finds the error: the router, validation, the domain."""
    answer = portal.api(method, path, organisation.key())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["reason"], problem["status"]) == (reason, status)
    assert problem["type"] == f"/problems/{reason}"
    assert all(problem[name] for name in ("title", "detail", "remedy"))
    explained = portal.client.get(problem["type"])
    assert (explained.status_code, explained.json()["reason"]) == (200, reason)


def test_the_database_away_is_a_problem_too(start_portal: PortalStarter, organisation: Organisation) -> None:
    """503 with Retry-After, from the health endpoint as from the API."""
    from sqlalchemy import create_engine

    away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1})
    key = organisation.key()
    organisation.engine = away
    portal = start_portal()
    for answer in (portal.client.get("/health"), portal.api("GET", "/v1/campaigns", key)):
        assert (answer.status_code, answer.json()["reason"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0


def test_a_body_over_the_limit(portal: RunningPortal, organisation: Organisation) -> None:
    """A request that is no file takes a megabyte at most, announced or not."""
    body = b'{"feed": "' + b"x" * 1024**2 + b'"}'
    headers = {"Content-Type": "application/json"}
    announced = portal.api("POST", "/v1/messages", organisation.key(), content=body, headers=headers)
    streamed = portal.api("POST", "/v1/messages", organisation.key(), content=iter([body]), headers=headers)
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["reason"]) == (413, "request_too_large")


def test_forged_states_cannot_be_written(organisation: Organisation) -> None:
    """The database itself refuses a change of state that is not allowed, whoever asks."""
    from sqlalchemy.exc import IntegrityError

    campaign = organisation.campaign()
    with pytest.raises(IntegrityError), organisation.engine.begin() as connection:
        connection.execute(text("update campaign set state = 'finished' where id = :id"), {"id": campaign.id})


def test_a_campaign_says_what_holds_it(portal: RunningPortal, organisation: Organisation) -> None:
    """A suspension of all teams, with who, since when and why, and that its end is not known; then its approval."""
    campaign = organisation.campaign()
    organisation.change("update campaign set state = 'checking'")
    organisation.change(
        "update campaign set state = 'sending', loaded_at = now(), ledger_month = date_trunc('month', now()), "
        "counts = jsonb_build_object('finishes_by', now() + interval '1 hour')"
    )
    organisation.message(campaign, line=2, state="queued", handed_off_at=None)
    organisation.change(
        "insert into suspension (channel, reason, by) values ('sms', 'wrong price in the texts', 'user:root')"
    )
    key = organisation.key()
    shown = portal.api("GET", f"/v1/campaigns/{campaign.key}", key).json()
    (held,) = shown["suspensions"]
    assert {name: held[name] for name in ("channel", "team", "by", "reason", "usable", "falls")} == {
        "channel": "sms",
        "team": None,
        "by": "user:root",
        "reason": "wrong price in the texts",
        "usable": False,
        "falls": False,
    }
    assert shown["finishes_by"] is None and shown["waits_for_approval"] is None
    organisation.change("update suspension set lifted_at = now()")
    shown = portal.api("GET", f"/v1/campaigns/{campaign.key}", key).json()
    assert shown["suspensions"] == [] and shown["finishes_by"] is not None
    waiting = organisation.campaign()
    organisation.change("update campaign set state = 'checking' where id = :id", id=waiting.id)
    organisation.change("update campaign set state = 'awaiting_approval' where id = :id", id=waiting.id)
    problem = stated_problem("approval_first_file", campaign=waiting.key)
    with organisation.engine.begin() as connection:
        record_waiting(connection, waiting, problem)
    waits = portal.api("GET", f"/v1/campaigns/{waiting.key}", key).json()["waits_for_approval"]
    assert (waits["reason"], waits["message"]) == ("approval_first_file", problem["message"])
    assert f"POST /v1/campaigns/{waiting.key}/approve" in waits["remedy"]


def test_a_filter_that_comes_twice_is_refused_where_it_is_no_list(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """Of two values only one would be used."""
    key = organisation.key()
    assert portal.api("GET", "/v1/campaigns?state=ready&state=sending", key).status_code == 200
    twice = portal.api("GET", "/v1/campaigns?limit=1&limit=50", key)
    assert twice.status_code == 422
    assert twice.json()["errors"] == [{"where": "query.limit", "message": "came more than once: give it once"}]
