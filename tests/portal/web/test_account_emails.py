"""Emails to people arrive over the organisation's own account: a link that works, and notices in the reader's language."""

from __future__ import annotations

import json
import queue
import re
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import text

from tests.portal.conftest import Organisation, PortalStarter
from tests.support.people import PASSWORD, make_person
from tests.support.portal_visitor import PortalVisitor

ADA = "ada@acme.example"


class Mailbox:
    """An SMTP server on loopback that keeps what it is given (RFC 5321, without extensions)."""

    def __init__(self) -> None:
        received: queue.Queue[EmailMessage] = queue.Queue()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    if line.upper().startswith(b"DATA"):
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                        received.put(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                    self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

        self.received = received
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server.server_address[1]}"

    def next(self) -> tuple[str, str, str]:
        """To whom, subject and text of the next email."""
        message = self.received.get(timeout=60)
        return str(message["To"]), str(message["Subject"]), message.get_content()


@pytest.fixture
def mailbox(organisation: Organisation) -> Iterator[Mailbox]:
    running = Mailbox()
    settings = json.dumps({"base_url": running.url, "sender": "nightmail@acme.example"})
    organisation.change("update carrier_account set active = false where channel = 'email'")
    organisation.change(
        "insert into carrier_account (name, carrier, channel, settings) values ('post', 'smtp', 'email', cast(:s as jsonb))",
        s=settings,
    )
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_a_link_arrives_where_it_belongs_and_each_change_is_told(
    organisation: Organisation, start_portal: PortalStarter, mailbox: Mailbox
) -> None:
    """The link names the portal's own address, whatever host the request named; who has no account gets nothing."""
    portal = start_portal(public_url="https://portal.acme.example")
    with organisation.engine.begin() as connection:
        ada = make_person(connection, ADA)
        connection.execute(text("update person set language = 'de' where id = :id"), {"id": ada})
    visitor = PortalVisitor(portal)
    visitor.send("/login/forgotten", at="/login/forgotten", email="nobody@acme.example")
    visitor.get("/login/forgotten")
    fields = {**visitor.hidden("/login/forgotten"), "email": ADA}
    answer = visitor.client.post("/login/forgotten", data=fields, headers={"Host": "evil.example"})
    assert answer.status_code == 200
    to, subject, body = mailbox.next()
    assert (to, subject) == (ADA, "Ein neues Passwort für Nightmail")
    link = re.search(r"https://portal\.acme\.example(/login/new-password/\S+)", body)
    assert link, body
    assert "evil.example" not in body

    visitor.get(link[1])
    assert visitor.send(link[1], password="marzipan violet canyon otter").status_code == 303
    to, subject, body = mailbox.next()
    assert (to, subject) == (ADA, "Ihre Anmeldung bei Nightmail hat sich geändert")
    assert "Ihr Passwort wurde durch einen Link in einer E-Mail geändert." in body
    assert mailbox.received.empty()
    assert visitor.log_in(ADA, PASSWORD).status_code == 422
