"""Every page, looked at by a browser: the policy, axe, themes, widths, the keyboard, and without scripts."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import BrowserContext

from portal.web import ROUTERS
from portal.web.signed_in import declared_by
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import on_localhost
from tests.portal.web.pages import NOT_PAGES, PAGES, SamplePage
from tests.support.browser import inspect_page


@pytest.mark.needs_program("chromium")
@pytest.mark.parametrize("sample", PAGES, ids=lambda sample: sample.picture)
def test_a_page_is_what_every_page_must_be(
    sample: SamplePage, organisation: Organisation, pages_portal: RunningPortal, context: BrowserContext
) -> None:
    with sample.opened(
        organisation.engine, context, on_localhost(pages_portal.url), pages_portal.settings.lake
    ) as opened:
        assert opened.page.locator("h1").count() == 1
        inspect_page(opened.window, opened.page, without_scripts=not sample.always_new)


def _routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def test_every_page_is_listed() -> None:
    """A GET route that is neither looked at nor said to be no page fails here."""
    there = {route.path for route in _routes() if "GET" in (route.methods or ())}
    assert there - {sample.route for sample in PAGES} - NOT_PAGES.keys() == set()
    assert NOT_PAGES.keys() <= there


@pytest.mark.parametrize("route", _routes(), ids=lambda route: f"{'/'.join(sorted(route.methods))} {route.path}")
def test_every_route_says_what_it_needs(route: APIRoute) -> None:
    """Exactly one of a permission, anyone signed in, a recent proof, or public."""
    declared = [word for each in route.dependant.dependencies if (word := declared_by(each.call)) is not None]
    assert len(declared) == 1, declared
