"""How many statements each page sends to the database, its frame included: a page that is opened costs a handful of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event

from nightmail.campaigns.suspensions import suspend_channel
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.pages import PAGES, SamplePage
from tests.portal.web.people import make_person, session_of

MOST = 12
MORE: Mapping[str, int] = {"rights": 14, "me": 13, "segment": 13, "duplicates": 13, "list": 19}
"""Pages that still send more, by their pictures' names, with how many: the numbers may only shrink."""
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
    assert 0 < len(sent) <= MORE.get(sample.picture, MOST), "\n\n".join(sent)


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
