"""What a page says after a redirect, once: "Role withdrawn".

The sentence travels in a signed cookie that lives for a minute and belongs to one session: it says nothing to another
person at the same browser, and nobody else can put words into a page.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from fastapi import Request, Response

from portal.state import portal_of
from portal.web.cookies import cookie_name, end_cookie, set_cookie
from portal.web.translating import gettext

Tone = Literal["good", "info", "warn", "bad"]
LIVES_S = 60
MOST_CHARACTERS = 600


@dataclass(frozen=True)
class PageMessage:
    """One sentence and how it is meant."""

    text: str
    tone: Tone = "good"


def redirect(request: Request, address: str, message: str | None = None, tone: Tone = "good") -> Response:
    """Lead on to a page of ours (303) after a form, with something to say there; raises ``ValueError`` for another site."""
    if local_address(address) != address:
        raise ValueError("pages lead to pages of their own")
    # A header has no other signs than these; what is encoded already stays as it is.
    location = quote(address, safe="/%?#[]@!$&'()*+,;=:~")
    response = Response(status_code=303, headers={"Location": location, "Cache-Control": "no-store"})
    if message:
        tell(request, response, message, tone)
    return response


def changed_meanwhile(request: Request, address: str) -> Response:
    """Lead somebody whose page is not the newest to the page as it is now."""
    return redirect(request, address, meanwhile(), "warn")


def meanwhile() -> str:
    """What is said to somebody whose page is not the newest."""
    return gettext("Somebody else changed it meanwhile: here it is as it is now. Nothing of yours was changed.")


def local_address(address: str, otherwise: str = "/") -> str:
    """``address`` if it is a path on this host, else ``otherwise``: what a link may lead to that came from outside."""
    plain = address.isprintable() and "\\" not in address and len(address) <= 2_000
    return address if plain and address.startswith("/") and not address.startswith("//") else otherwise


def tell(request: Request, response: Response, text: str, tone: Tone = "good") -> None:
    """Have the next page say ``text``."""
    content = json.dumps([int(time.time()), tone, text[:MOST_CHARACTERS]], ensure_ascii=False).encode()
    value = f"{urlsafe_b64encode(content).decode()}.{_signature(request, content)}"
    set_cookie(request, response, "message", value, LIVES_S)


def waiting_message(request: Request) -> PageMessage | None:
    """What this page has to say, if the browser brings something that we signed for this session within the minute."""
    packed, _, signature = request.cookies.get(cookie_name(request, "message"), "").partition(".")
    try:
        content = urlsafe_b64decode(packed.encode())
    except ValueError:
        return None
    if not content or not hmac.compare_digest(_signature(request, content).encode(), signature.encode()):
        return None
    told_at, tone, text = json.loads(content)
    return PageMessage(text, tone) if time.time() - told_at <= LIVES_S else None


def forget_message(request: Request, response: Response) -> None:
    """Take the message away, once it was shown."""
    if cookie_name(request, "message") in request.cookies:
        end_cookie(request, response, "message")


def _signature(request: Request, content: bytes) -> str:
    who = request.state.who
    return hmac.digest(portal_of(request).settings.key(), b"message " + who.csrf.encode() + content, "sha256").hex()
