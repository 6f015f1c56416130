"""A browser without scripts: cookies, forms with their hidden fields, redirects one at a time."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.support.running_portal import RunningPortal

_INPUT = re.compile(r"<input([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z-]+)(?:="([^"]*)")?')


class PortalVisitor:
    """Opens pages of a portal and sends their forms."""

    def __init__(self, portal: RunningPortal, **headers: str) -> None:
        self.portal = portal
        self.client = httpx.Client(
            base_url=portal.url, timeout=30, trust_env=False, headers={"Accept": "text/html", **headers}
        )
        self.page = ""

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page."""
        return self._kept(self.client.get(path, **more))

    def send(self, path: str, at: str | None = None, **fields: Any) -> httpx.Response:
        """Send the form of the page at ``at`` (by default the one that is open) that goes to ``path``, with ``fields``."""
        if at is not None:
            self.get(at)
        return self.post(path, **{**self.hidden(path), **fields})

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Post fields as they are; a pair of a name and bytes is a file."""
        files = {name: value for name, value in fields.items() if isinstance(value, tuple)}
        texts = {name: value for name, value in fields.items() if name not in files}
        return self._kept(self.client.post(path, data=texts, files=files or None))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow redirects within the portal to their end."""
        while answer.status_code == 303:
            answer = self.get(answer.headers["location"])
        return answer

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the form with this action on the page that is open."""
        for form in re.findall(r"<form(.*?)</form>", self.page, re.DOTALL):
            if f'action="{action}"' in form.partition(">")[0]:
                fields = [dict(_ATTRIBUTE.findall(attributes)) for attributes in _INPUT.findall(form)]
                return {
                    field["name"]: html.unescape(field.get("value", ""))
                    for field in fields
                    if field.get("type") == "hidden"
                }
        raise AssertionError(f"no form to {action} on this page: {self.text[:500]}")

    def travel(self, answer: httpx.Response) -> httpx.Response:
        """Follow redirects wherever they lead, as a browser does that is sent to an identity provider and back."""
        for _ in range(20):
            if answer.status_code not in (302, 303):
                break
            answer = self._kept(self.client.get(urljoin(str(answer.url), answer.headers["location"])))
        return answer

    @property
    def csrf(self) -> str:
        """The token of the forms of the page that is open."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.page)
        assert found, self.text[:500]
        return found[1]

    @property
    def text(self) -> str:
        """What the page says, without its markup."""
        body = self.page.partition("<main")[2] or self.page
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        return self.client.cookies.get("nightmail_session")

    def carry(self, session: str) -> None:
        """Carry this token as the session's cookie, as a thief does, or somebody to whom it was slipped."""
        self.client.cookies.set("nightmail_session", session, domain="127.0.0.1", path="/")

    @property
    def signed_in(self) -> bool:
        """Whether the home page opens."""
        return self.client.get("/").status_code == 200

    def log_in(self, email: str, password: str, next_: str = "") -> httpx.Response:
        """Send the login form."""
        self.get("/login" + (f"?next={next_}" if next_ else ""))
        return self.send("/login", email=email, password=password)

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = answer.text
        return answer
