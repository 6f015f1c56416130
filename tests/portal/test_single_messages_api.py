"""Single messages join their feed's open campaign, in order and without gaps, and are never lost to its closing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.campaigns.campaign_rows import campaigns_to_prepare, get_campaign
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal

PATH = "/v1/messages"


def order(*phones: str, **more: Any) -> dict[str, Any]:
    return {"feed": "visits", "recipients": [{"phone": phone, "values": {"time": "9"}} for phone in phones], **more}


def test_requests_join_one_campaign(portal: RunningPortal, organisation: Organisation) -> None:
    """Thirty requests at once are one campaign with lines 1 to 60, each of them told to its sender."""
    key = organisation.key(Permission.CAMPAIGN_SEND)

    def send(number: int) -> dict[str, Any]:
        phones = (f"+4917012{number:05d}", f"+4917013{number:05d}")
        answer = portal.api("POST", PATH, key, json=order(*phones))
        assert answer.status_code == 202, answer.text
        return {**answer.json(), "phones": phones}

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(send, range(30)))
    assert len({answer["campaign"] for answer in answers}) == 1
    stored = {row["line"]: row["row"] for row in organisation.rows("select line, row from single_message")}
    assert sorted(stored) == list(range(1, 61))
    for answer in answers:
        assert [stored[line]["phone"] for line in answer["lines"]] == list(answer["phones"])
    (campaign,) = organisation.rows("select state, source from campaign")
    assert campaign == {"state": "received", "source": "single"}


def test_recipients_of_one_time_share_a_campaign(portal: RunningPortal, organisation: Organisation) -> None:
    """A moment, a time by each recipient's own clock, and the feed's own start are three campaigns, whatever the order."""
    organisation.change("update team set time_zone = 'Europe/Berlin'")
    key = organisation.key(Permission.CAMPAIGN_SEND)
    at = f"{datetime.now(UTC).year + 1}-07-01T08:00"
    orders: list[dict[str, Any]] = [
        {},
        {"at": at},
        {"at": at, "send_in": "recipient"},
        {"at": f"{at}:00+02:00", "send_in": "team"},
        {"at": f"{at[:-2]}30"},
        {},
        {"at": at},
        {"at": at, "send_in": "recipient"},
    ]
    made = [
        portal.api("POST", PATH, key, json=order(f"+4917012345{n:02d}", **more)).json()["campaign"]
        for n, more in enumerate(orders)
    ]
    # Eight o'clock in Berlin has the offset +02:00 in July.
    assert [made.index(each) for each in made] == [0, 1, 2, 1, 4, 0, 1, 2]
    rows = organisation.rows("select local_start from campaign where key = :key", key=made[2])
    assert rows == [{"local_start": datetime.fromisoformat(at)}]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"at": "2020-01-01T08:00"}, "time_invalid"),
        ({"at": "2099-01-01T08:00:30"}, "request_invalid"),
        ({"send_in": "recipient"}, "request_invalid"),
        ({"at": "{year}-07-01T08:00+02:00", "send_in": "recipient"}, "time_invalid"),
        ({"at": "{year}-07-01T08:00", "send_in": "all"}, "request_invalid"),
    ],
)
def test_a_time_with_two_meanings_is_refused(
    portal: RunningPortal, organisation: Organisation, stated: dict[str, str], reason: str
) -> None:
    """Nothing is stored."""
    key = organisation.key(Permission.CAMPAIGN_SEND)
    more = {name: value.format(year=datetime.now(UTC).year + 1) for name, value in stated.items()}
    answer = portal.api("POST", PATH, key, json=order("+491701234567", **more))
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert organisation.rows("select 1 from single_message") == []


def test_recipients_that_join_are_told_when_the_cut_off_cannot_be_made(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """The campaign closes after a minute; each recipient takes ten seconds, and all who joined before go first."""
    organisation.change("update carrier_account set settings = settings || '{\"rate_per_s\": 0.1}'")
    organisation.change('update feed set settings = \'{"cut_off_after_s": 85, "channels": ["sms"]}\'')
    key = organisation.key(Permission.CAMPAIGN_SEND)
    told = [portal.api("POST", PATH, key, json=order(f"+49170123456{n}")).json() for n in range(3)]
    assert [each["late"] for each in told] == [False, False, True]
    assert told[2]["late_warning"]["reason"] == "cut_off_at_risk"
    for joined, each in enumerate(told, start=1):
        ends, closes = (datetime.fromisoformat(each[name]) for name in ("finishes_by", "closes_at"))
        assert ends - closes == timedelta(seconds=10 * joined)


def test_the_campaign_closes_after_its_window_and_the_next_request_opens_another(
    start_portal: PortalStarter, organisation: Organisation
) -> None:
    """It is not prepared while it is open; after that it takes nothing more."""
    portal = start_portal(single_message_window_s=1)
    key = organisation.key(Permission.CAMPAIGN_SEND)
    first = portal.api("POST", PATH, key, json=order("+491701234567")).json()["campaign"]
    with organisation.engine.connect() as connection:
        closes = get_campaign(connection, first).accepts_until
        assert closes is not None
    end = time.monotonic() + 20
    while True:
        with organisation.engine.connect() as connection:
            due = [row.key for row in campaigns_to_prepare(connection)]
        if due:
            break
        assert time.monotonic() < end
        time.sleep(0.05)
    assert due == [first]
    second = portal.api("POST", PATH, key, json=order("+491701234568")).json()["campaign"]
    assert second != first
    assert organisation.rows("select count(*) as n from single_message group by campaign_id") == [{"n": 1}, {"n": 1}]


def test_a_campaign_whose_preparation_began_takes_no_more(portal: RunningPortal, organisation: Organisation) -> None:
    """A request that comes as the campaign is taken opens another; its recipients are not lost between the two."""
    key = organisation.key(Permission.CAMPAIGN_SEND)
    first = portal.api("POST", PATH, key, json=order("+491701234567")).json()["campaign"]
    with organisation.engine.begin() as connection:
        connection.execute(text("update campaign set state = 'checking'"))
    assert portal.api("POST", PATH, key, json=order("+491701234568")).json()["campaign"] != first


def test_lines_are_those_of_the_file_that_the_campaign_becomes(
    portal: RunningPortal, organisation: Organisation
) -> None:
    """The line that the API told is the line under which the row is judged, read by the pipeline's own functions."""
    from nightmail.contact_files import ReadOptions, read_contact_file
    from nightmail.lake import TableFile
    from nightmail.preparation.source_files import write_single_messages

    key = organisation.key(Permission.CAMPAIGN_SEND)
    answer = portal.api("POST", PATH, key, json=order("+491701234567", "+491701234568")).json()
    folder = portal.settings.data_dir
    with organisation.engine.connect() as connection:
        campaign = get_campaign(connection, answer["campaign"])
        path = write_single_messages(connection, campaign, portal.settings.incoming_dir)
    table = TableFile(f"{folder}/contact_file.parquet")
    read_contact_file(path, table, ReadOptions(rejects=TableFile(f"{folder}/rejects.parquet")))
    read = table.read(["line", "phone", "time"]).to_pylist()
    assert [(row["line"], row["phone"]) for row in read] == list(
        zip(answer["lines"], ["+491701234567", "+491701234568"], strict=True)
    )


def test_the_same_idempotency_key_sends_once(portal: RunningPortal, organisation: Organisation) -> None:
    """Ten at once with one key are one recipient; the key with another body is refused."""
    key = organisation.key(Permission.CAMPAIGN_SEND)
    headers = {"Idempotency-Key": "one"}

    def send(_: int) -> Any:
        answer = portal.api("POST", PATH, key, json=order("+491701234567"), headers=headers)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(send, range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert organisation.rows("select count(*) as n from single_message") == [{"n": 1}]
    other = portal.api("POST", PATH, key, json=order("+491701234568"), headers=headers)
    assert (other.status_code, other.json()["reason"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"feed": "visits", "recipients": []}, "body.recipients"),
        ({"feed": "visits", "recipients": [{"phone": "+49170"}] * 101}, "body.recipients"),
        ({"feed": "visits", "recipients": [{"external_id": "1"}]}, "body.recipients.0"),
        ({"feed": "visits", "recipients": [{"phone": "1", "mail": "x"}]}, "body.recipients.0.mail"),
        ({"feed": "visits", "recipients": [{"phone": "1", "values": {"phone": "2"}}]}, "body.recipients.0"),
        ({"feed": "visits", "recipients": [{"phone": "1", "values": {"tiem": "9"}}]}, "body.recipients.0.values.tiem"),
        ({"feed": "visits", "recipients": [{"phone": "1\u0000"}]}, "body.recipients.0.phone"),
        ({"recipients": [{"phone": "1"}]}, "body.feed"),
        ("{not json", "body"),
    ],
)
def test_an_order_that_cannot_be_taken(
    portal: RunningPortal, organisation: Organisation, body: Any, where: str
) -> None:
    """Each wrong part is named, and no campaign is made: none is ever empty."""
    key = organisation.key(Permission.CAMPAIGN_SEND)
    if isinstance(body, str):
        answer = portal.api("POST", PATH, key, content=body, headers={"Content-Type": "application/json"})
    else:
        answer = portal.api("POST", PATH, key, json=body)
    assert answer.status_code == 422, answer.text
    assert any(problem["where"].startswith(where) for problem in answer.json()["errors"]), answer.text
    assert organisation.rows("select * from campaign") == []
