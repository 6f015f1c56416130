"""How many statements each page sends to the database, its frame included: a page that is opened costs a handful of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine, event

from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.pages import PAGES, SamplePage
from tests.portal.web.people import make_person, session_of

MOST = 12
EXCEPTIONS: Mapping[str, int] = {}
"""Pages that still send more, by the picture's name, with the number of today: it may only shrink."""
_BESIDE = ("webhook_call", "notice")
"""Words of what the portal does beside its pages, at the same time."""


@contextmanager
def _counted(engine: Engine) -> Iterator[list[str]]:
    sent: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not any(word in statement for word in _BESIDE):
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


@pytest.mark.parametrize(
    "sample", [each for each in PAGES if each.role is not None], ids=lambda each: each.picture
)
def test_a_page_sends_few_statements(
    sample: SamplePage, organisation: Organisation, pages_portal: RunningPortal
) -> None:
    engine = organisation.engine
    address = sample.address(engine) if callable(sample.address) else sample.address or sample.route
    if sample.with_lake is not None:
        address = sample.with_lake(engine, pages_portal.settings.lake)
    with _client(sample, engine, pages_portal) as client:
        client.get("/keys")  # what comes once for a session comes here
        with _counted(engine) as sent:
            assert client.get(address).status_code == sample.status, address
    import json, os
    with open("/tmp/q.jsonl", "a") as f:
        f.write(json.dumps([sample.picture, len(sent), sent]) + "\n")
    assert len(sent) <= EXCEPTIONS.get(sample.picture, MOST), "\n\n".join(sent)
