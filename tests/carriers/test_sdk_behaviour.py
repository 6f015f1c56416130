"""What we rest on in the carriers' SDKs. A new version that breaks one of these must be looked at before it is taken."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from resources.carriers.twilio.connection import error_code

pytestmark = pytest.mark.real_parts

SID = "AC" + "0" * 32


class Recording(HttpClient):
    """Keeps what the SDK asks of its transport, and answers the same every time."""

    def __init__(self, status: int = 201, text: str = '{"sid": "SM1", "num_segments": "1"}') -> None:
        super().__init__(logging.getLogger("test"), False, None)
        self.requests: list[dict[str, object]] = []
        self.answer = Response(status, text, {})

    def request(self, method, url, **more):
        self.requests.append({"method": method, "url": url, **more})
        return self.answer


def client(transport: HttpClient) -> Client:
    return Client(SID, "token", http_client=transport, environment={})


def test_the_sdks_are_pinned_and_are_the_ones_that_were_read():
    lines = Path("requirements.txt").read_text().splitlines()
    for name in ("twilio", "sendgrid", "python-http-client"):
        pin = f"{name}=={version(name)}"
        assert any(line.startswith(pin) for line in lines), name


def test_twilio_sends_a_form_with_basic_credentials_to_one_address():
    transport = Recording()
    client(transport).messages.create(to="+4477", from_="+1500", body="x", status_callback="https://n.example/?a=1")
    (request,) = transport.requests
    assert request["method"] == "POST" and request["auth"] == (SID, "token")
    assert request["url"] == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
    assert request["data"] == {
        "To": "+4477", "From": "+1500", "Body": "x", "StatusCallback": "https://n.example/?a=1",
    }  # fmt: skip


def test_twilio_repeats_the_form_field_for_each_event_of_a_call():
    transport = Recording()
    client(transport).calls.create(to="+4477", from_="+1500", twiml="<Response/>", status_callback_event=["a", "b"])
    data = transport.requests[0]["data"]
    assert data["StatusCallbackEvent"] == ["a", "b"] and data["Twiml"] == "<Response/>"


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_twilio_asks_once_whatever_the_answer(status):
    transport = Recording(status, '{"code": 21211, "message": "m"}')
    with pytest.raises(TwilioRestException):
        client(transport).messages.create(to="+4477", from_="+1500", body="x")
    assert len(transport.requests) == 1


def test_twilios_exception_has_the_code_or_else_repeats_the_status():
    with pytest.raises(TwilioRestException) as with_code:
        client(Recording(400, '{"code": 21211, "message": "m"}')).messages.create(to="x", from_="y", body="z")
    assert error_code(with_code.value) == "21211"
    for text in ("<html>", "{}", "[]", '{"message": "m"}'):
        with pytest.raises(TwilioRestException) as without:
            client(Recording(502, text)).messages.create(to="x", from_="y", body="z")
        assert error_code(without.value) == "http 502"


def test_twilio_raises_on_a_good_status_that_is_no_json():
    """Which we count as in doubt: the message may have been taken."""
    with pytest.raises(ValueError):
        client(Recording(201, "<html>OK</html>")).messages.create(to="x", from_="y", body="z")


def test_twilio_pages_by_the_address_in_the_answer():
    transport = Recording(200, '{"messages": [], "page_size": 50, "next_page_uri": null}')
    assert list(client(transport).messages.stream(to="+4477", page_size=50)) == []
    assert transport.requests[0]["params"] == {"To": "+4477", "PageSize": 50}


def test_twilio_takes_no_credentials_from_the_environment(monkeypatch):
    monkeypatch.setenv("TWILIO_REGION", "au1")
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    from nightmail.carriers.protocol import CarrierSettings
    from resources.carriers.twilio.connection import TwilioConnection

    made = TwilioConnection(CarrierSettings("twilio_sms", account=SID, secret="token")).client
    # An empty mapping falls back to the process's environment within the SDK, so the region is ours to keep out.
    assert made.get_hostname("https://api.twilio.com/x").endswith("twilio.com/x")


def test_sendgrid_builds_its_address_and_headers_as_we_use_them():
    from sendgrid import SendGridAPIClient

    sdk = SendGridAPIClient("SG.key", host="https://api.eu.sendgrid.com")
    assert sdk.client.request_headers["Authorization"] == "Bearer SG.key"
    assert sdk.client.mail.send._build_url(None) == "https://api.eu.sendgrid.com/v3/mail/send"
    assert sdk.client.methods == {"delete", "get", "patch", "post", "put"}
