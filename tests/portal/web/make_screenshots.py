"""`make screenshots`: pictures of every page, light and dark, on a phone and on a screen.

All of them go to ``.screenshots`` as PNG, to be looked at; every page in light, and those of :data:`FURTHER`, also go to ``docs/pictures/portal`` as WebP.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.conftest import on_localhost
from tests.portal.web.pages import PAGES, SamplePage

CHECKOUT = Path(__file__).resolve().parents[3]
ALL = CHECKOUT / ".screenshots"
DOCS = CHECKOUT / "docs" / "pictures" / "portal"
WIDTHS = {390: 844, 1280: 860}
THEMES = ("light", "dark")
FURTHER = {("parts", "dark", 390), ("people", "dark", 390), ("role", "dark", 1280)}
"""Pictures in the docs beside every page in light on a screen: a page's name, theme and width."""


@pytest.mark.needs_program("chromium")
@pytest.mark.parametrize("sample", PAGES, ids=lambda sample: sample.picture)
def test_pictures(
    sample: SamplePage, organisation: Organisation, pages_portal: RunningPortal, context: BrowserContext
) -> None:
    ALL.mkdir(exist_ok=True)
    with sample.opened(
        organisation.engine, context, on_localhost(pages_portal.url), pages_portal.settings.lake, name="Olivia Paulsen"
    ) as opened:
        page = opened.page
        page.evaluate("document.fonts.ready.then(() => true)")
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            for width, height in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=ALL / f"{sample.picture}-{theme}-{width}.png", full_page=True)
                if (theme, width) == ("light", 1280) or (sample.picture, theme, width) in FURTHER:
                    _write_for_docs(page, DOCS / f"{sample.picture}-{theme}-{width}.webp")


def test_the_list_of_pictures() -> None:
    """The page that shows them all, beside them."""
    lines = ["# Every page of the portal", "", "Made by `make screenshots`, with the tests' organisation.", ""]
    for sample in PAGES:
        name = sample.picture.replace("-", " ").capitalize()
        lines += [f"## {name}", "", f"`{sample.route}`", "", f"![{name}]({sample.picture}-light-1280.webp)", ""]
    for name, theme, width in sorted(FURTHER):
        lines += [f"## {name.capitalize()}, {theme}", "", f"![{name}]({name}-{theme}-{width}.webp)", ""]
    (DOCS / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _write_for_docs(page: Page, file: Path) -> None:
    """The first screenful, as small as the browser makes it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    file.write_bytes(base64.b64decode(taken["data"]))
    session.detach()
