"""Emails from recipients, posted and signed as SendGrid's Inbound Parse does."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.portal.conftest import Organisation, RunningPortal

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
