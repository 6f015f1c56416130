"""Emails to people arrive over the organisation's own account: a link that works, and notices in the reader's language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.portal.conftest import Organisation, PortalStarter
from tests.support.loopback_mailbox import Mailbox
from tests.support.people import PASSWORD, make_person
from tests.support.portal_visitor import PortalVisitor

ADA = "ada@acme.example"


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
