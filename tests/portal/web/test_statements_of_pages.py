"""How many statements each page sends to the database, its frame included: a page that is opened costs a handful of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event, text

from nightmail.access.principals import person_principal
from nightmail.campaigns.suspensions import suspend_channel
from nightmail.contacts.distribution_lists import Entry, change_entries, list_of_id
from nightmail.contacts.segments import make_segment
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.pages import PAGES, SamplePage
from tests.portal.web.people import make_person, session_of
from tests.portal.web.sample_contacts import list_in

MOST = 12
_ANSWERING = "AnyIO worker thread"
"""The threads in which pages are answered; what the portal does beside them at the same time is done in others."""


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    sent: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread().name == _ANSWERING:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def _client(sample: SamplePage, engine: Engine, portal: RunningPortal) -> httpx.Client:
    client = httpx.Client(base_url=portal.url, timeout=30, trust_env=False, headers={"Accept": "text/html"})
    made = make_person(engine, role=sample.role, time_zone="Europe/Berlin")
    client.cookies.set("nightmail_session", session_of(engine, made))
    return client


@pytest.mark.parametrize("sample", [each for each in PAGES if each.role is not None], ids=lambda each: each.picture)
def test_a_page_sends_few_statements(
    sample: SamplePage, organisation: Organisation, pages_portal: RunningPortal
) -> None:
    engine = organisation.engine
    with _client(sample, engine, pages_portal) as client:
        address = sample.address(engine) if callable(sample.address) else sample.address or sample.route
        if sample.with_lake is not None:
            address = sample.with_lake(engine, pages_portal.settings.lake)
        client.get("/keys")  # what comes once for a session comes here
        with _counted(engine) as sent:
            assert client.get(address).status_code == sample.status, address
    assert 0 < len(sent) <= MOST, "\n\n".join(sent)


def test_a_campaign_under_suspension_sends_no_more(organisation: Organisation, pages_portal: RunningPortal) -> None:
    """Another account takes its messages meanwhile, so that its end is reckoned again: the most that the page may ask."""
    engine = organisation.engine
    sample = next(each for each in PAGES if each.picture == "campaign-sending")
    assert callable(sample.address)
    address = sample.address(engine)
    suspend_channel(engine, "sms", reason="errors", by="test")
    with _client(sample, engine, pages_portal) as client:
        client.get("/keys")
        with _counted(engine) as sent:
            assert "uspended" in client.get(address).text
    assert 0 < len(sent) <= MOST, "\n\n".join(sent)


def test_what_lists_and_segments_are_made_of_costs_no_more_statements(
    organisation: Organisation, pages_portal: RunningPortal
) -> None:
    """Segments of several teams in a list that a person changed: their rules are read together."""
    engine = organisation.engine
    number = list_in(engine)
    made = make_person(engine, role="organisation_administrator", time_zone="Europe/Berlin")
    with engine.begin() as connection:
        share = "update team set settings = settings || '{\"shares_contacts\": true}' where path = 'acme'"
        connection.execute(text(share))
        person = person_principal(connection, made)
        shared = [
            Entry("segment", make_segment(connection, by=person, team=team, name=f"All {each}", rule={"all": []}).id)
            for team in ("acme", "acme.billing")
            for each in range(3)
        ]
        change_entries(connection, list_of_id(connection, number) or pytest.fail(), add=shared, by=person)
    with httpx.Client(
        base_url=pages_portal.url, timeout=30, trust_env=False, headers={"Accept": "text/html"}
    ) as client:
        client.cookies.set("nightmail_session", session_of(engine, made))
        client.get("/keys")
        for address in (f"/lists/{number}", "/segments"):
            with _counted(engine) as sent:
                assert "All 2" in client.get(address).text
            assert 0 < len(sent) <= MOST, "\n\n".join(sent)
