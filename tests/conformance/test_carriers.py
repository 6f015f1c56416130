"""What our adapters send is what the carriers' published descriptions allow."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from nightmail.carriers.protocol import CarrierSettings, Outcome, OutgoingMessage
from resources.carriers import CARRIERS

pytestmark = [pytest.mark.conformance, pytest.mark.xdist_group("conformance")]

TWILIO = "twilio_api_v2010.json"
SENDGRID = "tsg_mail_v3.json"
ACCOUNT = "AC" + "1" * 32
Prism = Callable[[str], str]
Violations = Callable[[str, str, bytes, dict[str, str]], list[str]]

SMS = [
    OutgoingMessage("c0000000001-2-sms-0", "+447700900123", "Hello", sender="+447700900001"),
    OutgoingMessage("c0000000001-3-sms-0", "+447700900124", "Grüße 🌙 " * 20, sender="Nightmail", valid_for_s=600),
    OutgoingMessage("c0000000001-4-sms-0", "+447700900125", "By service", sender="MG" + "2" * 32),
    OutgoingMessage(
        "c0000000001-5-sms-0", "+447700900126", "A picture", sender="+447700900001",
        media_urls=("https://example.com/a.png",),
    ),
]  # fmt: skip
CALLS = [
    OutgoingMessage("c0000000001-2-voice-0", "+447700900123", "Hello there", sender="+447700900001", language="en"),
    OutgoingMessage(
        "c0000000001-3-voice-0", "+447700900124", sender="+447700900001", language="fr",
        body='<Response><Gather numDigits="1"><Say language="fr-FR">Confirmer ?</Say></Gather></Response>',
    ),
]  # fmt: skip


def twilio(prism: Prism, adapter: str) -> CarrierSettings:
    return CarrierSettings(
        adapter=adapter, account=ACCOUNT, secret="0" * 32, base_url=prism(TWILIO),
        webhook_base_url="https://nightmail.example.com",
    )  # fmt: skip


@pytest.mark.parametrize(("adapter", "messages"), [("twilio_sms", SMS), ("twilio_voice", CALLS)], ids=["sms", "voice"])
def test_twilio_takes_every_form_of_message(prism: Prism, adapter: str, messages: list[OutgoingMessage]) -> None:
    """Each request passes the validation of Twilio's own description."""
    carrier = CARRIERS.build(twilio(prism, adapter))
    hand_offs = [carrier.hand_off([message])[0] for message in messages]
    carrier.close()
    assert [(h.outcome, h.error) for h in hand_offs] == [(Outcome.ACCEPTED, None) for _ in messages]


def test_sendgrid_takes_batches_and_single_emails(prism: Prism) -> None:
    """A batch with substitutions, and one with every optional part, pass the validation of SendGrid's description."""
    carrier = CARRIERS.build(
        CarrierSettings(adapter="sendgrid_email", secret="SG.x", base_url=prism(SENDGRID), sender="a@example.com")
    )
    batch = [
        OutgoingMessage(
            f"c0000000001-{line}-email-0", f"person{line}@example.com", f"Dear {line}", subject=f"Invoice {line}",
            html=f"<p>Dear {line}</p>", sender="billing@example.com", sender_name="Billing",
            reply_to="help@example.com", categories=("billing",),
            unsubscribe_url=f"https://nightmail.example.com/unsubscribe/{line}",
        )
        for line in range(2, 60)
    ]  # fmt: skip
    plain = OutgoingMessage("c0000000001-99-email-0", "plain@example.com", "Text only", subject="Plain")
    hand_offs = [*carrier.hand_off(batch), *carrier.hand_off([plain])]
    carrier.close()
    assert {(h.outcome, h.error) for h in hand_offs} == {(Outcome.ACCEPTED, None)}


def test_the_descriptions_are_really_enforced(prism: Prism, violations: Violations) -> None:
    """Requests that the carriers would refuse are refused here, so that the tests above can fail."""
    authorization = "Basic " + base64.b64encode(f"{ACCOUNT}:x".encode()).decode()
    form = {"Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"}
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert violations(prism(TWILIO) + path, "POST", b"From=%2B447700900001&Body=hi", form)
    mail = {"Authorization": "Bearer SG.x", "Content-Type": "application/json"}
    body = {
        "personalizations": [{"to": [{"email": "a@example.com"}]}],
        "from": {"email": "b@example.com"},
        "subject": "Hi",
        "content": [{"type": "text/plain"}],
    }
    assert violations(prism(SENDGRID) + "/v3/mail/send", "POST", json.dumps(body).encode(), mail)
