"""What an email carries beside its text, as it goes over the wire: opting out, answers, and nothing about the person."""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nightmail.carriers.protocol import CarrierSettings, Outcome, OutgoingMessage
from resources.carriers import CARRIERS

MAILS = [
    OutgoingMessage(
        f"c00000000aa-{line}-email-0",
        f"reader{line}@mail.example",
        f"Dear reader {line}",
        subject="Invoice",
        html=f"<p>Dear reader {line}</p>",
        reply_to="answers@acme.example",
        categories=("billing",),
        unsubscribe_url=f"https://n.example/u/{line}" if line != 4 else None,
    )
    for line in (2, 3, 4)
]


class _SendGrid(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[dict]

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(202)
        self.send_header("X-Message-Id", f"id{len(self.server.bodies)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 n.example\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (line := self.rfile.readline()) != b".\r\n":
                    text += line
                self.server.letters.append(text)
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 2.0.0 well\r\n")
            if word == b"QUIT":
                return


@pytest.fixture
def sendgrid() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _SendGrid) as server:
        server.bodies = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def smtp() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.daemon_threads, server.letters = True, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _hand_off(**settings: str) -> None:
    carrier = CARRIERS.build(CarrierSettings(sender="due@acme.example", **settings))
    try:
        assert {done.outcome for done in carrier.hand_off(MAILS)} == {Outcome.ACCEPTED}
    finally:
        carrier.close()


def test_sendgrid_gets_each_recipients_own_link_and_only_the_id_as_argument(sendgrid) -> None:
    _hand_off(adapter="sendgrid_email", secret="SG.x", base_url=f"http://127.0.0.1:{sendgrid.server_address[1]}")
    seen = {}
    for body in sendgrid.bodies:
        assert body["reply_to"]["email"] == "answers@acme.example"
        assert body["categories"] == ["billing"]
        for person in body["personalizations"]:
            address = person["to"][0]["email"]
            headers = {**body.get("headers", {}), **person.get("headers", {})}
            seen[address] = headers
            arguments = {**body.get("custom_args", {}), **person.get("custom_args", {})}
            assert [value for value in arguments.values() if not value.startswith("c00000000aa-")] == []
            assert len(arguments) == 1
    for mail in MAILS:
        expected = (
            {
                "List-Unsubscribe": f"<{mail.unsubscribe_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
            if mail.unsubscribe_url
            else {}
        )
        assert seen[mail.address] == expected


def test_smtp_letters_have_both_parts_and_the_same_link(smtp) -> None:
    _hand_off(adapter="smtp_email", base_url=f"smtp://127.0.0.1:{smtp.server_address[1]}")
    letters = [email.message_from_bytes(text, policy=SMTP) for text in smtp.letters]
    assert [letter["To"] for letter in letters] == [mail.address for mail in MAILS]
    for letter, mail in zip(letters, MAILS, strict=True):
        assert letter["Reply-To"] == "answers@acme.example"
        assert letter["List-Unsubscribe"] == (f"<{mail.unsubscribe_url}>" if mail.unsubscribe_url else None)
        assert letter["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click" if mail.unsubscribe_url else None)
        assert letter.get_body(("plain",)).get_content().strip() == mail.body
        assert letter.get_body(("html",)).get_content().strip() == mail.html
