"""A portal with people who are signed in, by HTTP alone and in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import event

from nightmail.access.permissions import Permission
from tests.portal.conftest import Organisation, PortalStarter, RunningPortal
from tests.portal.web.people import make_person, session_of
from tests.support.browser import Window, chromium, kept_context, window
from tests.support.running_portal import portals
from tests.support.switched_engine import SwitchedEngine

SignIn = Callable[..., httpx.Client]
SignedInWindow = Callable[..., Window]


@pytest.fixture
def sign_in(organisation: Organisation, portal: RunningPortal) -> Iterator[SignIn]:
    """Signs a new person in, with the permissions that are given, and gives a client with their session."""
    with ExitStack() as clients:

        def sign_in_(*permissions: Permission, **person: str) -> httpx.Client:
            made = make_person(organisation.engine, *permissions, **person)
            headers = {"Accept": "text/html"}
            client = clients.enter_context(
                httpx.Client(base_url=portal.url, timeout=30, trust_env=False, headers=headers)
            )
            client.cookies.set("nightmail_session", session_of(organisation.engine, made))
            return client

        yield sign_in_


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The one browser of this process."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's context for the windows of a module, one after the other."""
    with kept_context(browser) as kept:
        yield kept


@pytest.fixture(scope="module")
def _kept_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SwitchedEngine, PortalStarter]]:
    switched = SwitchedEngine()
    with portals(lambda: switched.engine, tmp_path_factory.mktemp("portal")) as start:
        yield switched, start


@pytest.fixture
def pages_portal(
    organisation: Organisation, _kept_portal: tuple[SwitchedEngine, PortalStarter], _started: list[RunningPortal]
) -> RunningPortal:
    """One portal for the pages of a module, on the database of each test in turn: for tests that open pages, and no more."""
    switched, start = _kept_portal
    switched.to(organisation.engine)
    if not _started:
        _started.append(start())
    shutil.rmtree(_started[0].settings.lake, ignore_errors=True)
    return _started[0]


@pytest.fixture(scope="module")
def _started() -> list[RunningPortal]:
    return []


@pytest.fixture
def signed_in_window(organisation: Organisation, portal: RunningPortal, browser: Browser) -> Iterator[SignedInWindow]:
    """A browser's window of a new person: ``signed_in_window(role="operator", team="acme")``."""
    with ExitStack() as windows:

        def open_window(*permissions: Permission, options: dict[str, str] | None = None, **person: str) -> Window:
            made = make_person(organisation.engine, *permissions, **person)
            session = session_of(organisation.engine, made)
            return windows.enter_context(window(browser, on_localhost(portal.url), session, **(options or {})))

        yield open_window


@pytest.fixture
def signed_in_page(signed_in_window: SignedInWindow) -> Callable[[str, str], Page]:
    """The home page of a new person with a ready-made role: ``signed_in_page("operator", "acme")``."""
    return lambda role, team: signed_in_window(role=role, team=team).open("/")


def on_localhost(url: str) -> str:
    """The same address under the name by which passkeys work."""
    return url.replace("127.0.0.1", "localhost")


@pytest.fixture
def asked_by(organisation: Organisation) -> Iterator[Callable[[httpx.Client, str], int]]:
    """How many statements a page sends to the database beyond those of its frame, which every page has."""
    sent: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        # Work that the portal does beside its pages falls into the same time.
        if "webhook_call" not in statement and "notice" not in statement:
            sent.append(statement)

    def count(client: httpx.Client, address: str) -> int:
        found = []
        for each in ("/keys", "/keys", address):
            sent.clear()
            assert client.get(each).status_code == 200, each
            found.append(len(sent))
        return found[2] - found[1]

    event.listen(organisation.engine, "before_cursor_execute", hear)
    yield count
    event.remove(organisation.engine, "before_cursor_execute", hear)
