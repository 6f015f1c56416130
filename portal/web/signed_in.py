"""Who opens a page: the one place where a browser becomes a person, and where a page says what it needs.

Every route of ``portal/web`` takes exactly one of these in its signature:

>>> def people(me: Annotated[SignedIn, needs(Permission.PEOPLE_SEE)]) -> Response: ...
>>> def oneself(me: Annotated[SignedIn, anyone_signed_in]) -> Response: ...
>>> def login(visitor: Annotated[Visitor, public]) -> Response: ...
>>> def new_key(me: Annotated[SignedIn, needs(Permission.KEY_EDIT, recently=True)]) -> Response: ...

Without a session a page leads to the login and back; without the permission it is not there (404, the same as for an
address that does not exist). A form that is sent without the session's token, or from another site, is refused.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, TypeVar
from urllib.parse import SplitResult, quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Request

from nightmail.access.decisions import teams_with
from nightmail.access.permissions import Permission
from nightmail.access.principals import EVERYWHERE, Principal, person_principal
from nightmail.access.sessions import LookUp, find_session
from nightmail.campaigns.alerts import raise_alert
from nightmail.organisation.sandbox_accounts import sandbox_labels
from nightmail.organisation.teams import top_team_paths
from portal.problems import RequestError
from portal.state import PortalState
from portal.web.cookies import cookie_name, is_secure
from portal.web.translating import LANGUAGES, accepted_language, speak
from portal.web.waiting import Waiting, waiting_for

Route = TypeVar("Route", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Visitor:
    """Somebody whose browser has no session."""

    language: str
    csrf: str
    """What forms carry in their hidden field ``csrf``."""
    visitor_token: str
    """The cookie that ``csrf`` belongs to."""
    sandbox_channels: tuple[str, ...] = ()
    time_zone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which times are shown."""
        return _zone(self.time_zone)


@dataclass(frozen=True)
class SignedIn:
    """A person with a session, and what pages need to know of them."""

    principal: Principal
    person_id: int
    name: str
    email: str
    language: str
    time_zone: str
    session_id: int
    csrf: str
    """What forms carry in their hidden field ``csrf``."""
    authenticated_at: datetime
    """When the person last proved who they are."""
    authenticated_recently: bool
    """Whether that is fresh enough for what is delicate."""
    factors: tuple[str, ...] = ()
    """How the person has proved who they are in this session."""
    sandbox_channels: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)
    """What waits for the person, by the address of the navigation's entry."""
    _permissions: frozenset[Permission] = field(default=frozenset(), repr=False)
    _for_all: frozenset[Permission] = field(default=frozenset(), repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The person's zone, in which times are shown."""
        return _zone(self.time_zone)

    def may(self, permission: Permission) -> bool:
        """Whether the person holds ``permission`` for any team."""
        return permission in self._permissions

    def may_for_all(self, permission: Permission) -> bool:
        """Whether the person holds ``permission`` for the deployment as a whole: everywhere, or at its one top team.

        What belongs to no team would tell of other organisations' people and campaigns otherwise.
        """
        return permission in self._for_all

    def teams(self, permission: Permission) -> tuple[str, ...]:
        """The topmost teams for which the person holds ``permission``; it holds below them too."""
        return teams_with(self.principal, permission)


class LoginNeededError(Exception):
    """The page is for people with a session; ``address`` is where a browser is led."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def current(request: Request, portal: PortalState) -> SignedIn | Visitor:
    """Who asks: looked up once for a request."""
    token = request.cookies.get(cookie_name(request, "session"), "")
    with portal.engine.begin() as connection:
        found = find_session(connection, token, portal.settings) if token else LookUp(None)
        channels = sandbox_labels(connection)
        session = found.session
        request.state.new_session_token = found.new_token
        request.state.session_ended = found.ended
        if found.stolen_now:
            raise_alert(
                connection,
                reason="session_stolen",
                subject=f"person:{found.person_id}",
                message=f"A copy of a session of person {found.person_id} was used; the session was ended.",
            )
        if session is None:
            return _visitor(request, portal.settings.key(), channels)
        principal = person_principal(connection, session.person_id, session.name)
        # A part of a page that is asked for again and again has no navigation beside which a number would stand.
        if request.headers.get("hx-request") == "true":
            waiting = Waiting({}, top_team_paths(connection))
        else:
            waiting = waiting_for(connection, principal)
        for_all = _held_for_all(principal, waiting.tops)
    permissions = frozenset(permission for held in principal.held for permission in held.permissions)
    return SignedIn(
        principal=principal,
        person_id=session.person_id,
        name=session.name,
        email=session.email,
        language=session.language if session.language in LANGUAGES else "en",
        time_zone=session.time_zone,
        session_id=session.id,
        csrf=hmac.digest(bytes(session.csrf_secret), b"csrf", "sha256").hex(),
        authenticated_at=session.authenticated_at,
        authenticated_recently=session.recent,
        factors=session.factors,
        sandbox_channels=channels,
        waiting=waiting.counts,
        _permissions=permissions,
        _for_all=for_all,
    )


def _held_for_all(principal: Principal, tops: list[str]) -> frozenset[Permission]:
    """What is held everywhere; and at the top team, where there is one organisation alone."""
    wide = [held for held in principal.held if held.team == EVERYWHERE or tops == [held.team]]
    return frozenset(permission for held in wide for permission in held.permissions)


async def prepared(request: Request, who: Annotated[SignedIn | Visitor, Depends(current)]) -> None:
    """What precedes every page: its language is set, and what changes something is checked to come from our own form."""
    request.state.who = who
    speak(who.language)
    if "%00" in request.url.query:
        raise RequestError("request_malformed", status=400, problem="no text has a zero sign")
    if request.method in SAFE_METHODS:
        return
    if not _from_here(request):
        raise RequestError("form_from_elsewhere")
    streams = request.scope.get("endpoint") in _STREAMING
    if streams and request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return
    sent = request.headers.get("x-csrf-token", "")
    if not sent and not streams:
        values = await request.form()
        given = values.get("csrf", "")
        sent = given if isinstance(given, str) else ""
    check_token(who, sent)


def check_token(who: SignedIn | Visitor, sent: str) -> None:
    """Raise :class:`RequestError` (``form_outdated``) unless ``sent`` is the token that the session's forms carry."""
    if not hmac.compare_digest(sent.encode(), who.csrf.encode()):
        raise RequestError("form_outdated")


_STREAMING: set[Callable[..., Any]] = set()


def streams_its_form(route: Route) -> Route:
    """Mark a route that reads its form piece by piece, as it has a file: it must call :func:`check_token` itself.

    A body of another kind may be as large as the file and is not read: such a form has no token.
    """
    _STREAMING.add(route)
    return route


def _signed_in(request: Request, who: Annotated[SignedIn | Visitor, Depends(current)]) -> SignedIn:
    if isinstance(who, Visitor):
        raise LoginNeededError(f"/login?next={quote(_return_path(request), safe='')}")
    return who


def _recent(request: Request, me: Annotated[SignedIn, Depends(_signed_in)]) -> SignedIn:
    if not me.authenticated_recently:
        raise LoginNeededError(f"/confirm-identity?next={quote(_return_path(request), safe='')}")
    return me


def _public(who: Annotated[SignedIn | Visitor, Depends(current)]) -> SignedIn | Visitor:
    return who


_PERMISSION_OF: dict[Callable[..., SignedIn], Permission] = {}


@cache
def _need(permission: Permission, recently: bool) -> Callable[..., SignedIn]:
    def check(request: Request, me: Annotated[SignedIn, Depends(_signed_in)]) -> SignedIn:
        if not me.may(permission):
            raise RequestError("not_found", what="page")
        return _recent(request, me) if recently else me

    _PERMISSION_OF[check] = permission
    return check


def needs(permission: Permission, *, recently: bool = False) -> Any:
    """A page for who holds ``permission`` for some team; ``recently`` also wants a fresh proof of who this is.

    Which team it is about is for the route to check, with :func:`nightmail.access.decisions.require`.
    """
    return Depends(_need(permission, recently))


def declared_by(dependency: Callable[..., Any] | None) -> str | None:
    """What a route's dependency declares: a permission, ``anyone``, ``recently`` or ``public``; ``None`` for another one."""
    if dependency is None or dependency in _PERMISSION_OF:
        return str(_PERMISSION_OF[dependency]) if dependency else None
    return _WORDS.get(dependency)


_WORDS: dict[Callable[..., Any], str] = {_signed_in: "anyone", _recent: "recently", _public: "public"}
anyone_signed_in: Any = Depends(_signed_in)
"""A page for every person with a session."""
recently_authenticated: Any = Depends(_recent)
"""A page for every person who proved not long ago who they are."""
public: Any = Depends(_public)
"""A page for everybody, with a session or without."""


def _visitor(request: Request, key: bytes, channels: tuple[str, ...]) -> Visitor:
    token = request.cookies.get(cookie_name(request, "visitor"), "")
    if not 20 <= len(token) <= 60 or not token.isascii():
        token = secrets.token_urlsafe(24)
    chosen = request.cookies.get("nightmail_language", "")
    language = chosen if chosen in LANGUAGES else accepted_language(request.headers.get("accept-language", ""))
    csrf = hmac.new(key, b"visitor csrf " + token.encode(), sha256).hexdigest()
    return Visitor(language, csrf, token, channels)


def _from_here(request: Request) -> bool:
    """Whether a browser says that the form was on a page of ours; other clients say nothing and have the token to show."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return True
    own = _split(origin)
    return own.netloc == request.headers.get("host") and own.scheme == ("https" if is_secure(request) else "http")


def _return_path(request: Request) -> str:
    """The address to come back to after the login: for what was sent by a form, the page that the form was on."""
    if request.method in SAFE_METHODS:
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    referrer = _split(request.headers.get("referer", ""))
    return referrer.path if referrer.netloc == request.headers.get("host") else "/"


def _split(address: str) -> SplitResult:
    """The parts of an address that a browser sent; empty ones for what is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
