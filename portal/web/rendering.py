"""A template becomes an answer: the policy, the frame, and what every template may use.

>>> return render(request, "people/list.html", people=people)

Templates stand beside the routes that use them. They extend ``layouts/frame.html`` and import parts from
``parts/*.html``. Every text is escaped; a name that was not given is an error, not an empty place.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import nightmail
from nightmail.reports.campaign_flow import receipt_of
from portal.web import formats, translating
from portal.web.campaigns.words import by_dots, source_label, state_label, state_tone
from portal.web.channel_words import channel_label
from portal.web.cookies import is_secure, set_cookie
from portal.web.doubts.words import outcome_of_attempt
from portal.web.messages import PageMessage, forget_message, waiting_message
from portal.web.navigation import Section, sections_for
from portal.web.opt_outs.words import reason_label
from portal.web.recipients.words import delivery_label, delivery_tone, outcome_label, outcome_tone
from portal.web.recipients.words import state_label as message_state_label
from portal.web.role_words import role_description, role_title
from portal.web.signed_in import SignedIn, Visitor
from portal.web.static_files import icon, is_there, static_address

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The content security policy of every page: nothing from elsewhere, nothing inline."""
POLICY_WITH_PREVIEW = f"{POLICY}; frame-src 'self'"
"""The same for a page that shows an email in a frame."""
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""The policy of what stands in such a frame: a text from outside, which may look but not act."""
THEMES = ("system", "light", "dark")


@dataclass(frozen=True)
class Frame:
    """What stands around a page's content."""

    who: SignedIn | Visitor
    language: str
    theme: str
    path: str
    address: str
    """The path with its query: where a form leads back to."""
    sections: tuple[Section, ...]
    message: PageMessage | None

    @property
    def signed_in(self) -> SignedIn | None:
        """The person, or ``None`` on a page for everybody."""
        return self.who if isinstance(self.who, SignedIn) else None

    @property
    def csrf(self) -> str:
        """What each form carries in its hidden field."""
        return self.who.csrf

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown."""
        return self.who.zone

    @property
    def initials(self) -> str:
        """One or two letters that stand for the person."""
        words = [word for word in self.signed_in.name.split() if word[0].isalnum()] if self.signed_in else []
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


_frame: ContextVar[Frame] = ContextVar("nightmail_portal_frame")


def frame() -> Frame:
    """The frame of the page that is being rendered: parts read it, so that templates need not hand it on."""
    return _frame.get()


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    policy: str = POLICY,
    etag: bool = False,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """The page ``template`` with ``values``.

    ``etag`` is for what is asked again and again: it answers 304 when nothing has changed. ``headers`` are added to those
    that every page has.
    """
    text = render_text(request, template, **values)
    answer_headers = {**page_headers(request, policy), **(headers or {})}
    if etag:
        tag = f'W/"{blake2b(text.encode(), digest_size=12).hexdigest()}"'
        answer_headers |= {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=answer_headers)
    response = Response(text, status, answer_headers, "text/html; charset=utf-8")
    who = request.state.who
    if isinstance(who, Visitor):
        set_cookie(request, response, "visitor", who.visitor_token)
    forget_message(request, response)
    return response


def render_text(request: Request, template: str, **values: Any) -> str:
    """The text of ``template`` alone: for a part of a page that changes in place, or for another kind of answer."""
    who: SignedIn | Visitor = request.state.who
    theme = request.cookies.get("nightmail_theme", "system")
    around = Frame(
        who=who,
        language=translating.spoken_language(),
        theme=theme if theme in THEMES else "system",
        path=request.url.path,
        address=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        sections=sections_for(who, request.url.path) if isinstance(who, SignedIn) else (),
        message=waiting_message(request),
    )
    token = _frame.set(around)
    try:
        return _environment().get_template(template).render(values)
    finally:
        _frame.reset(token)


def page_headers(request: Request, policy: str = POLICY) -> dict[str, str]:
    """The headers of every answer for people."""
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }
    if "frame-ancestors 'self'" in policy:
        headers["X-Frame-Options"] = "SAMEORIGIN"
    if is_secure(request):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        translating.gettext,
        translating.ngettext,
        newstyle=True,
        pgettext=translating.pgettext,
        npgettext=translating.npgettext,
    )
    environment.globals |= {
        "frame": frame,
        "icon": icon,
        "static": static_address,
        "is_there": is_there,
        "version": nightmail.__version__,
        "languages": translating.LANGUAGES,
        "themes": THEMES,
    }
    environment.filters |= {name: _localised(function) for name, function in formats.FILTERS.items()}
    environment.filters |= {
        "role_title": role_title,
        "role_description": role_description,
        "translated": translating.translated,
    }
    environment.filters |= {
        "campaign_state": state_label,
        "suppression_reason": reason_label,
        "attempt_outcome": outcome_of_attempt,
        "campaign_tone": state_tone,
        "by_dots": by_dots,
        "campaign_source": source_label,
        "channel": channel_label,
        "receipt_of": receipt_of,
    }
    environment.filters |= {
        "outcome": outcome_label,
        "outcome_tone": outcome_tone,
        "message_state": message_state_label,
        "delivery": delivery_label,
        "delivery_tone": delivery_tone,
    }
    environment.policies["ext.i18n.trimmed"] = True
    return environment


def _localised(function: formats.Filter) -> Any:
    """A filter that writes a value in the language and zone of the page."""

    def apply(value: Any, *more: Any, **options: Any) -> Any:
        around = frame()
        return function(value, formats.LOCALES.get(around.language, around.language), around.zone, *more, **options)

    return apply
