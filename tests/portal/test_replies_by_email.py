"""Emails from recipients, posted and signed as SendGrid's Inbound Parse does."""

from __future__ import annotations

import datetime as dt
import json
import os
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from nightmail.privacy.reply_addresses import reply_tokens
from sandbox.sendgrid.signing import public_key_text
from tests.portal.conftest import Organisation, RunningPortal
from tests.support.post_office import bounce, letter
from tests.support.running_portal import SECRET_KEY
from tests.support.sandbox_process import eventually

QUOTED = "\r\n\r\nOn Mon, Nov 30, 2026 at 9:00 AM Care <care@acme.example> wrote:\r\n> Hello\r\n> unsubscribe: STOP\r\n"


def post(
    portal: RunningPortal, key: ec.EllipticCurvePrivateKey, text: str, headers: str = "Message-ID: <1@x>\n", **more: Any
) -> httpx.Response:
    fields = {
        "headers": headers,
        "from": "Ann <a@example.com>",
        "to": "Care <care@acme.example>",
        "subject": "Re: your visit",
        "text": text,
        "envelope": json.dumps({"to": ["care@acme.example"], "from": "a@example.com"}),
        "charsets": json.dumps({"text": "utf-8", "subject": "utf-8"}),
        **more,
    }
    files: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
    files["attachment1"] = ("bill.pdf", b"12345", "application/pdf")
    request = httpx.Request("POST", "http://x", files=files)
    content_type = request.headers["content-type"]
    return portal.sendgrid_body(key, request.read(), path="/webhooks/sendgrid/inbound", content_type=content_type)


@pytest.mark.parametrize(
    ("said", "text", "kind"),
    [
        ("Thank you!" + QUOTED, "Thank you!", "text"),
        ("Stop." + QUOTED, "Stop.", "stop"),
        ("Please take me off your list" + QUOTED, "Please take me off your list", "probable_stop"),
    ],
)
def test_an_email_is_a_reply_without_what_it_quotes(
    portal: RunningPortal,
    organisation: Organisation,
    sendgrid_key: ec.EllipticCurvePrivateKey,
    said: str,
    text: str,
    kind: str,
) -> None:
    """Of the last message from that mailbox; stored once; the quoted text opts nobody out."""
    campaign = organisation.campaign()
    (account,) = organisation.rows("select id from carrier_account where channel = 'email'")
    organisation.message(campaign, channel="email", address="a@example.com", carrier_account_id=account["id"])
    assert [post(portal, sendgrid_key, said).status_code for _ in range(2)] == [200, 200]
    (reply,) = organisation.rows("select channel, kind, text, sent_to, campaign_id, media from reply")
    assert reply == {
        "channel": "email",
        "kind": kind,
        "text": text,
        "sent_to": "care@acme.example",
        "campaign_id": campaign.id,
        "media": [{"url": "attachment:bill.pdf", "content_type": "application/pdf", "size": 5}],
    }
    opted_out = organisation.rows("select channel from suppression where reason = 'opted_out'")
    assert opted_out == ([{"channel": "email"}] if kind == "stop" else [])


def test_a_note_of_absence_is_no_reply(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey
) -> None:
    away = "Auto-Submitted: auto-replied\nMessage-ID: <2@x>\n"
    assert post(portal, sendgrid_key, "I am away. Stop.", away).status_code == 200
    assert organisation.rows("select * from reply") == []


def test_what_is_unsigned_or_no_email_is_refused(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    assert post(portal, other, "STOP").status_code == 403
    inbound = "/webhooks/sendgrid/inbound"
    assert portal.sendgrid_body(sendgrid_key, b"{}", path=inbound).status_code == 400
    assert post(portal, sendgrid_key, "STOP", **{"from": "nobody"}).status_code == 400
    odd = post(portal, sendgrid_key, "Hi", envelope="[", charsets="{}", headers="\x00")
    assert odd.status_code == 200
    assert len(organisation.rows("select * from reply")) == 1


def test_attachments_of_any_bytes_are_signed_like_texts(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey
) -> None:
    """SendGrid signs the raw bytes of the form, and a photograph is no text."""
    files: dict[str, Any] = {
        "from": (None, "a@example.com"),
        "to": (None, "care@acme.example"),
        "text": (None, "STOP"),
        "headers": (None, "Message-ID: <photo@x>\n"),
        "attachment1": ("photo.jpg", bytes(range(256)) * 4, "image/jpeg"),
    }
    request = httpx.Request("POST", "http://x", files=files)
    answer = portal.sendgrid_body(
        sendgrid_key, request.read(), path="/webhooks/sendgrid/inbound", content_type=request.headers["content-type"]
    )
    assert answer.status_code == 200
    (reply,) = organisation.rows("select kind, media from reply")
    assert (reply["kind"], reply["media"][0]["size"]) == ("stop", 1024)


def test_the_key_of_the_security_policy_stands_beside_that_of_the_events(
    portal: RunningPortal,
    organisation: Organisation,
    sendgrid_key: ec.EllipticCurvePrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A policy of Inbound Parse has a key of its own."""
    (account,) = organisation.rows("select webhook_secret from carrier_account where channel = 'email'")
    name = account["webhook_secret"].partition(":")[2]
    policy = ec.generate_private_key(ec.SECP256R1())
    assert post(portal, policy, "STOP").status_code == 403
    monkeypatch.setenv(name, f"{os.environ[name]} {public_key_text(policy)}\n")
    eventually(lambda: post(portal, policy, "STOP").status_code == 200, 30)
    assert post(portal, sendgrid_key, "Hello").status_code == 200


def test_the_whole_email_is_read_where_it_is_posted_raw(
    portal: RunningPortal, organisation: Organisation, sendgrid_key: ec.EllipticCurvePrivateKey
) -> None:
    """And bound to its message by a signed address, as the envelope has it; a report of delivery is no reply."""
    campaign = organisation.campaign()
    (account,) = organisation.rows("select id from carrier_account where channel = 'email'")
    organisation.message(campaign, channel="email", address="a@example.com", carrier_account_id=account["id"])
    (message,) = organisation.rows(
        "select c.token || '-' || m.line || '-email-' || m.step as id from message m join campaign c on c.id = m.campaign_id"
    )
    (mark,) = reply_tokens([message["id"]], SECRET_KEY.encode(), dt.datetime.now(dt.UTC).date())
    raw = letter("Thank you", sender="a@example.com", to="Care <care@acme.example>", name="<raw@x>")
    envelope = json.dumps({"to": [f"care+{mark}@acme.example"]})
    answers = [
        post(portal, sendgrid_key, "", email=raw.decode(), envelope=envelope).status_code,
        post(portal, sendgrid_key, "", email=bounce(message["id"]).decode()).status_code,
    ]
    assert answers == [200, 200]
    (reply,) = organisation.rows("select text, sent_to, campaign_id from reply")
    assert reply == {"text": "Thank you", "sent_to": "care@acme.example", "campaign_id": campaign.id}
