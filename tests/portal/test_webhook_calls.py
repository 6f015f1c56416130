"""Teams are told of events: signed, in the event's own transaction, until it is taken, and never inside our network."""

from __future__ import annotations

import base64
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from nightmail.access.permissions import Permission
from nightmail.carriers.protocol import Receipt, ReceiptStatus, Reply, ReplyKind
from nightmail.events.webhook_calls import PAUSES_S, claim_calls, record_failed
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.replies import take_replies
from tests.portal.conftest import SECRET_KEY, Organisation, PortalStarter, RunningPortal


@dataclass
class Listener:
    """A team's own server: keeps what it was told, answers what it is set to."""

    url: str
    answers: list[int] = field(default_factory=list)
    calls: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        end = time.monotonic() + 20
        while len(self.calls) < count:
            assert time.monotonic() < end, f"{len(self.calls)} calls of {count} came"
            time.sleep(0.02)
        return self.calls


@pytest.fixture
def listener() -> Iterator[Listener]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.answers.pop(0) if found.answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Listener(f"http://127.0.0.1:{server.server_address[1]}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_portal(start_portal: PortalStarter) -> RunningPortal:
    """A portal that may call loopback."""
    return start_portal(webhook_private_addresses=True)


def register(portal: RunningPortal, organisation: Organisation, url: str, *events: str, team: str = "acme") -> Any:
    key = organisation.key(Permission.WEBHOOK_EDIT, Permission.PERSONAL_SEE, team=team)
    answer = portal.api("POST", "/v1/webhooks", key, json={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "key": key, "location": answer.headers["location"]}


def proved(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a call is signed as Standard Webhooks says, computed here by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def test_a_campaigns_changes_are_told_signed_and_to_those_who_asked(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """A team above is told of a team below; a sibling is not; only the events that were asked for."""
    above = register(open_portal, organisation, listener.url, "campaign.received", "campaign.cancelled")
    register(open_portal, organisation, listener.url, "campaign.received", team="acme.care")
    campaign = organisation.campaign("acme.billing")
    organisation.move(campaign, "checking", "cancelled")
    calls = [(headers, body, json.loads(body)) for headers, body in listener.wait(2)]
    assert all(proved(above["secret"], headers, body) for headers, body, _ in calls)
    assert {told["type"] for _, _, told in calls} == {"campaign.received", "campaign.cancelled"}
    assert all(told["team"] == "acme.billing" and told["data"]["campaign"] == campaign.key for _, _, told in calls)
    assert organisation.rows("select count(*) as n from webhook_call") == [{"n": 2}]
    wait = time.monotonic() + 10
    while organisation.rows("select * from webhook_call where delivered_at is null"):
        assert time.monotonic() < wait
        time.sleep(0.02)
    told = open_portal.api("GET", f"{above['location']}/calls", above["key"]).json()["items"]
    assert [(call["event"], call["attempts"], call["last_status"]) for call in told] == [
        ("campaign.cancelled", 1, 204),
        ("campaign.received", 1, 204),
    ]


def test_nothing_is_told_of_what_was_rolled_back(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """An event's calls are rows of the transaction in which it happens."""
    register(open_portal, organisation, listener.url, "campaign.checking")
    campaign = organisation.campaign()
    with pytest.raises(ZeroDivisionError), organisation.engine.begin() as connection:
        connection.execute(text("update campaign set state = 'checking' where id = :id"), {"id": campaign.id})
        raise ZeroDivisionError
    assert organisation.rows("select * from webhook_call") == []


def test_receipts_and_replies_are_told(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """Receipts many at a time in one call per campaign, by our message ids; a reply with its text."""
    register(open_portal, organisation, listener.url, "message.receipts", "reply.received")
    campaign = organisation.campaign()
    ids = [organisation.message(campaign, line=line, carrier_message_id=f"SM{line}") for line in (1, 2**31 - 1)]
    receipts = [
        Receipt("twilio", "sms", f"{number}:delivered", ReceiptStatus.DELIVERED, f"SM{number}", message_id)
        for number, message_id in enumerate(ids)
    ]
    take_receipts(organisation.engine, receipts, hash_key=SECRET_KEY.encode())
    reply = Reply("twilio", "sms", "r1", ReplyKind.TEXT, "Yes, please", "+491701234567", "+4915", message_id=ids[0])
    take_replies(organisation.engine, [reply], hash_key=SECRET_KEY.encode())
    told = {body["type"]: body["data"] for body in (json.loads(body) for _, body in listener.wait(2))}
    assert {(entry["message"], entry["status"]) for entry in told["message.receipts"]["receipts"]} == {
        (message_id, "delivered") for message_id in ids
    }
    assert (told["reply.received"]["text"], told["reply.received"]["message"]) == ("Yes, please", ids[0])
    assert "+4917" not in json.dumps(told)


def test_a_call_that_is_not_taken_is_tried_again_under_the_same_id(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """500 puts it off; when it is due again it comes with the same id and body, and a fresh signature."""
    webhook = register(open_portal, organisation, listener.url, "campaign.received")
    listener.answers += [500, 302]
    organisation.campaign()
    for count in (1, 2):
        listener.wait(count)
        end = time.monotonic() + 10
        while organisation.rows("select * from webhook_call where last_status is null or due_at < now()"):
            assert time.monotonic() < end
            time.sleep(0.02)
        with organisation.engine.begin() as connection:
            connection.execute(text("update webhook_call set due_at = now(), last_status = null"))
    calls = listener.wait(3)
    assert len({headers["webhook-id"] for headers, _ in calls}) == 1
    assert len({body for _, body in calls}) == 1
    assert all(proved(webhook["secret"], headers, body) for headers, body in calls)


def test_a_call_is_given_up_after_a_day_with_an_alert(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """The pauses add up to about a day; then the call ends and a person is told once."""
    assert 20 * 3600 < sum(PAUSES_S) < 36 * 3600
    with organisation.engine.begin() as connection:
        connection.execute(
            text(
                "insert into webhook (team_id, url, events, secret) values (:team, 'https://x.invalid', :events, 's')"
            ),
            {"team": organisation.teams["acme"], "events": ["campaign.received"]},
        )
        connection.execute(
            text(
                "insert into webhook_call (webhook_id, event, body, due_at) select id, 'e', '{}',"
                " now() + interval '1 hour' from webhook"
            )
        )
    for _ in range(len(PAUSES_S) + 1):
        with organisation.engine.begin() as connection:
            connection.execute(text("update webhook_call set due_at = now() - interval '1 day'"))
        for call in claim_calls(organisation.engine, 10):
            record_failed(organisation.engine, call, None)
    (call,) = organisation.rows("select given_up_at is not null as ended, attempts from webhook_call")
    assert call["ended"]
    assert [row["reason"] for row in organisation.rows("select reason from alert")] == ["webhook_given_up"]


def test_an_address_that_is_gone_is_not_called_again(
    open_portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """410 ends the webhook."""
    register(open_portal, organisation, listener.url, "campaign.received")
    listener.answers.append(410)
    organisation.campaign()
    listener.wait(1)
    end = time.monotonic() + 10
    while organisation.rows("select * from webhook where active"):
        assert time.monotonic() < end
        time.sleep(0.02)
    organisation.campaign()
    assert organisation.rows("select count(*) as n from webhook_call") == [{"n": 1}]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://127.0.0.1/hook", "webhook_address"),
        ("https://10.1.2.3/hook", "webhook_address"),
        ("https://169.254.169.254/latest/meta-data", "webhook_address"),
        ("https://[::1]/hook", "webhook_address"),
        ("https://[::ffff:10.0.0.1]/hook", "webhook_address"),
        ("http://example.com/hook", "webhook_address"),
        ("https://user:password@example.com/", "webhook_address"),
        ("ftp://example.com/", "request_invalid"),
        ("https://example.com/ x", "request_invalid"),
    ],
)
def test_addresses_that_are_never_called(
    portal: RunningPortal, organisation: Organisation, url: str, reason: str
) -> None:
    """The portal must not be a way into the network that it stands in."""
    key = organisation.key(Permission.WEBHOOK_EDIT)
    answer = portal.api("POST", "/v1/webhooks", key, json={"url": url, "events": ["campaign.finished"]})
    assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    assert organisation.rows("select * from webhook") == []


def test_a_name_that_resolves_into_the_network_is_not_called(
    portal: RunningPortal, organisation: Organisation, listener: Listener
) -> None:
    """The check is of what a name resolves to at the moment of the call: `localhost` is a name like any other."""
    url = listener.url.replace("http://127.0.0.1", "https://localhost")
    webhook = register(portal, organisation, url, "campaign.received")
    portal.api("POST", f"{webhook['location']}/test", webhook["key"])
    end = time.monotonic() + 10
    while not organisation.rows("select * from webhook_call where attempts = 1 and due_at < now() + interval '60 s'"):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert listener.calls == []


def test_webhooks_are_a_teams_own(portal: RunningPortal, organisation: Organisation) -> None:
    """Listed and ended by their team and those above only; the secret is shown once."""
    made = register(portal, organisation, "https://example.com/a", "campaign.finished", team="acme.billing")
    care = organisation.key(team="acme.care")
    assert portal.api("GET", "/v1/webhooks", care).json()["items"] == []
    assert portal.api("DELETE", made["location"], care).status_code == 404
    shown = portal.api("GET", made["location"], made["key"]).json()
    assert shown["url"] == "https://example.com/a"
    assert "secret" not in shown
    (stored,) = organisation.rows("select secret from webhook")
    assert made["secret"].removeprefix("whsec_") not in stored["secret"]
    assert portal.api("DELETE", made["location"], organisation.key(team="acme")).status_code == 204
    assert portal.api("GET", made["location"], made["key"]).json()["reason"] == "webhook_unknown"
    unknown = portal.api("POST", "/v1/webhooks", made["key"], json={"url": "https://example.com", "events": ["x"]})
    assert (unknown.status_code, unknown.json()["reason"]) == (422, "event_unknown")
