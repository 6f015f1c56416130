"""A real Chromium that opens the portal's pages, and one look at a page for all that a page must be.

The browser is Debian's; one is started for each test process. :func:`inspect_page` is for every page: the policy, axe,
both themes, four widths, the keyboard alone, and the page without scripts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
AXE = Path(__file__).resolve().parents[2] / "portal" / "static" / "built" / "axe.js"
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES_OF_WIDTH = {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}
RULES_OF_THEME = {"type": "rule", "values": ["color-contrast"]}
"""What a narrower window can change, and another theme; colours are the same at every width."""
WIDTHS = (320, 360, 1280, 1920)
"""320 CSS px is a window of 1280 px at a zoom of 400 %."""
PATIENCE_MS = 15_000
PRESSED_AGAIN = 2


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of this process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        with _running_loop(None):
            yield browser
        browser.close()


@contextmanager
def _running_loop(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Make ``loop`` the thread's running one for a while.

    Playwright's loop runs as long as its browser is open; where no window is, tests of other subjects in this process
    have loops of their own.
    """
    before = asyncio._get_running_loop()
    asyncio._set_running_loop(loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(before)


@dataclass
class Window:
    """A browser's window with cookies of its own: one person at one machine."""

    context: BrowserContext
    base_url: str
    said: list[str] = field(default_factory=list)
    """What the console said of the policy, and errors of scripts."""

    def open(self, address: str = "/", status: int = 200) -> Page:
        """A new page at an address of the portal, which must answer with ``status``."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(f"script: {error}"))
        answer = page.goto(self.base_url + address)
        assert answer is not None
        assert answer.status == status, f"{address} answers {answer.status}"
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or (message.type == "error" and "status of" not in message.text):
            self.said.append(message.text)


@contextmanager
def window(
    browser: Browser,
    base_url: str,
    session: str | None = None,
    cookies: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Window]:
    """A window on the portal at ``base_url``; ``session`` is the token of who is signed in."""
    with _running_loop(browser._loop):
        yield from _window(browser, base_url, session, cookies, options)


def _window(
    browser: Browser, base_url: str, session: str | None, cookies: Mapping[str, str] | None, options: Mapping[str, Any]
) -> Iterator[Window]:
    context = _context(browser, options)
    try:
        yield from _opened(context, base_url, session, cookies)
    finally:
        context.close()


@contextmanager
def kept_context(browser: Browser) -> Iterator[BrowserContext]:
    """A context for one window after another (:func:`reopened`): what it has fetched of the portal's static files stays."""
    with _running_loop(browser._loop):
        context = _context(browser, {})
    yield context
    with _running_loop(browser._loop):
        context.close()


@contextmanager
def reopened(
    context: BrowserContext, base_url: str, session: str | None = None, cookies: Mapping[str, str] | None = None
) -> Iterator[Window]:
    """A window in a context that was used before: without the cookies and pages of the last one."""
    browser = context.browser
    assert browser is not None
    with _running_loop(browser._loop):
        context.clear_cookies()
        try:
            yield from _opened(context, base_url, session, cookies)
        finally:
            for page in context.pages:
                page.close()


def _context(browser: Browser, options: Mapping[str, Any]) -> BrowserContext:
    wide = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "reduced_motion": "reduce", **options}
    context = browser.new_context(**wide)
    context.set_default_timeout(PATIENCE_MS)
    return context


def _opened(
    context: BrowserContext, base_url: str, session: str | None, cookies: Mapping[str, str] | None
) -> Iterator[Window]:
    brought = {**(cookies or {}), **({"nightmail_session": session} if session is not None else {})}
    context.add_cookies(
        [{"name": name, "value": value, "url": base_url, "httpOnly": True} for name, value in brought.items()]
    )
    opened = Window(context, base_url)
    yield opened
    assert not opened.said, opened.said


def inspect_page(opened: Window, page: Page, *, without_scripts: bool = True) -> None:
    """Hold a page to all that every page must be; an ``AssertionError`` says what is wrong and where."""
    page.evaluate("document.fonts.ready.then(() => true)")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert_fits(page, width)
        if width == 360:
            assert_accessible(page, "light, 360 px", RULES_OF_WIDTH)
    page.set_viewport_size({"width": 1280, "height": 800})
    assert_accessible(page, "light, 1280 px")
    page.emulate_media(color_scheme="dark")
    assert_accessible(page, "dark", RULES_OF_THEME)
    page.emulate_media(color_scheme="light")
    assert_usable_by_keyboard(page)
    if without_scripts:
        assert_the_same_without_scripts(page)
    assert not opened.said, opened.said


@lru_cache(maxsize=1)
def _axe() -> str:
    assert AXE.is_file(), "axe is missing: run `make setup-dev`"
    return AXE.read_text("utf-8")


_LEFT_OPEN = ("color-contrast", "frame-tested")
"""What axe may leave undecided: contrast is measured here, and a sandboxed frame runs no script that could look into it."""


def assert_accessible(page: Page, when: str, rules: Any = ALL_RULES) -> None:
    """Nothing found by axe; the contrast that it could not decide is measured here, and nothing else may be left open."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_axe())
    options = {"runOnly": rules, "resultTypes": ["violations", "incomplete"]}
    found = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    wrong = [
        f"{when}: {kind}: {rule['id']}: {node['html'][:160]}: {node.get('failureSummary', '')[:240]}"
        for kind in ("violations", "incomplete")
        for rule in found[kind]
        for node in rule["nodes"]
        if not (kind == "incomplete" and rule["id"] in _LEFT_OPEN)
    ]
    undecided = [
        node["target"][0] for rule in found["incomplete"] if rule["id"] == "color-contrast" for node in rule["nodes"]
    ]
    wrong += [f"{when}: contrast {one['ratio']:.2f}: {one['html']}" for one in page.evaluate(_CONTRAST, undecided)]
    assert not wrong, "\n".join(wrong)


_CONTRAST = """selectors => {
    const pen = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const painted = (over, colour) => {
        pen.globalCompositeOperation = 'copy'; pen.fillStyle = over; pen.fillRect(0, 0, 1, 1);
        pen.globalCompositeOperation = 'source-over'; pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
        const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
        return `rgb(${r}, ${g}, ${b})`;
    };
    const light = colour => {
        const [r, g, b] = colour.match(/\\d+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.unshift(getComputedStyle(e).backgroundColor);
        return layers.reduce(painted, 'white');
    };
    return selectors.map(selector => {
        const e = document.querySelector(selector), behind = ground(e);
        const style = getComputedStyle(e);
        const drawn = painted(behind, e instanceof SVGElement ? style.fill : style.color);
        const [dark, bright] = [light(drawn), light(behind)].sort((x, y) => x - y);
        return { ratio: (bright + 0.05) / (dark + 0.05), html: e.outerHTML.slice(0, 160) };
    }).filter(one => one.ratio < 4.5);
}"""
"""Which of some elements have a text too faint for what lies behind them: WCAG 2.2, 1.4.3."""


def assert_fits(page: Page, width: int) -> None:
    """Nothing reaches out of the window sideways, but within what is meant to scroll."""
    out = page.evaluate(
        """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
            [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.outerHTML.slice(0, 120)).slice(0, 5).concat(['the page is ' +
                document.documentElement.scrollWidth + ' px wide'])"""
    )
    assert not out, f"at {width} px: {out}"


_WATCH_FOCUS = """() => {
    // What changes in place stays as it is meanwhile: a walk takes longer than the pause between two looks.
    document.addEventListener('htmx:before:request', event => event.preventDefault(), true);
    const all = [...document.querySelectorAll('*')];
    window.focusedInTurn = [];
    document.addEventListener('focusin', ({ target: e }) => {
        const box = e.getBoundingClientRect(), style = getComputedStyle(e);
        const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
        const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 20), 0), innerHeight - 1);
        const top = document.elementFromPoint(x, y);
        window.focusedInTurn.push({
            html: e.outerHTML.slice(0, 140),
            seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
            covered: !(top && (e.contains(top) || top.contains(e) || top.closest('label')?.control === e)),
            marked: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
            place: all.indexOf(e),
        });
    });
    document.activeElement?.blur();
    window.scrollTo(0, 0);
    const stops = all.filter(e => e.matches('a[href], button, input, select, textarea, summary, [tabindex="0"]')
        && !e.disabled && e.type !== 'hidden' && e.checkVisibility({ visibilityProperty: true })
        && !(e.type === 'radio' && e !== [...document.getElementsByName(e.name)].find(
            (each, at, group) => group.some(one => one.checked) ? each.checked : at === 0)));
    // A date or time has a stop for each of its parts, and a frame for the links that stand in it.
    const inner = 4 * (stops.filter(e => e.type === 'date').length + document.querySelectorAll('iframe').length)
        + 7 * stops.filter(e => e.type === 'datetime-local').length + 3 * stops.filter(e => e.type === 'time').length;
    return { stops: stops.length, presses: stops.length + inner };
}"""


def assert_usable_by_keyboard(page: Page) -> None:
    """Tab goes through everything in the order of the page; what has the focus is seen, marked and not covered."""
    expected = page.evaluate(_WATCH_FOCUS)
    for _ in range(PRESSED_AGAIN):
        for _ in range(expected["presses"]):
            page.keyboard.press("Tab")
        # A busy browser may lose a key: what a person would press again is pressed again.
        if len({focused["place"] for focused in page.evaluate("window.focusedInTurn")}) >= expected["stops"]:
            break
    places: list[int] = []
    for focused in page.evaluate("window.focusedInTurn"):
        if focused["place"] in places:
            break
        assert focused["seen"], f"not seen: {focused['html']}"
        assert focused["marked"], f"no outline: {focused['html']}"
        assert not focused["covered"], f"covered: {focused['html']}"
        places.append(focused["place"])
    assert places == sorted(places), "the focus jumps"
    assert len(places) >= expected["stops"], f"{len(places)} of {expected['stops']} are reached"


_WITHOUT_SCRIPTS = """async () => {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store' });
    const plain = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const incomplete = [...plain.querySelectorAll('form')]
        .filter(form => !form.getAttribute('action') || !['get', 'post'].includes(form.method))
        .map(form => form.outerHTML.slice(0, 120));
    const main = plain.querySelector('main');
    main.querySelectorAll('time, [role=timer], [data-copy]').forEach(element => element.remove());
    return { words: main.textContent, incomplete };
}"""
"""The page as it is sent; a parsed document runs no scripts."""


def assert_the_same_without_scripts(page: Page) -> None:
    """What the page says and lets one do is there without scripts as well."""
    plain = page.evaluate(_WITHOUT_SCRIPTS)
    without, with_scripts = str(plain["words"]).split(), _words(page)
    assert without == with_scripts, f"differs by {sorted(set(without) ^ set(with_scripts))}"
    assert not plain["incomplete"], f"forms that go nowhere without scripts: {plain['incomplete']}"


def _words(page: Page) -> list[str]:
    """The words of the main part; what only scripts can do is left out, with times and countdowns, which pass."""
    text = page.locator("main").evaluate(
        "main => { const copy = main.cloneNode(true);"
        " copy.querySelectorAll('time, [role=timer], [data-copy]').forEach(e => e.remove()); return copy.textContent; }"
    )
    return str(text).split()
