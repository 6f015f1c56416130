"""From a proof of who somebody is to a session in their browser, and what stands between the two."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request, Response
from sqlalchemy import Connection

from nightmail.access.login_steps import Step, StepKind, keep_step, read_step, take_step
from nightmail.access.logins import complete_login
from nightmail.access.passkeys import Site
from nightmail.access.sessions import end_session
from nightmail.errors import NightmailError
from portal.problems import RequestError
from portal.state import Portal
from portal.web.cookies import cookie_name, end_cookie, is_secure, set_cookie
from portal.web.messages import local_address, redirect
from portal.web.signed_in import SignedIn, Visitor

STEP_S = 600
AFTERWARDS = ("/login", "/logout", "/confirm-identity", "/invitation", "/first-administrator", "/demonstration")
"""Pages that nobody is led back to."""


def client_address(request: Request) -> str:
    """Where a request comes from; the proxy's word counts where the server trusts the proxy."""
    return request.client.host if request.client else ""


def next_address(request: Request, given: str = "") -> str:
    """Where to lead after the login: a path of this portal and nothing else."""
    wanted = local_address(given or request.query_params.get("next", ""), "/")
    return "/" if wanted.startswith(AFTERWARDS) else wanted


def own_origin(request: Request) -> str:
    """The origin under which this browser sees the portal: its own machine, or the public address; never what it claims else."""
    host = request.headers.get("host", "")
    if _is_loopback(_host_name(host)):
        return f"{'https' if is_secure(request) else 'http'}://{host}"
    return email_origin(request)


def email_origin(request: Request) -> str:
    """The origin for links in emails: the public address, whatever host the request named."""
    portal: Portal = request.app.state.portal
    return portal.email_origin


def passkey_site(request: Request) -> Site | None:
    """Where passkeys of this browser are good; ``None`` where there can be none: at a bare address, or without encryption."""
    origin = urlsplit(own_origin(request))
    host = origin.hostname or ""
    if _is_address(host) or (origin.scheme != "https" and host != "localhost"):
        return None
    return Site(host, f"{origin.scheme}://{origin.netloc}")


def limit_starts(request: Request, portal: Portal) -> None:
    """Raise :class:`RequestError` (429) where an address begins too many steps."""
    wait = portal.login_starts.take(client_address(request))
    if wait:
        raise RequestError("too_many_requests", what="logins from this address", headers={"Retry-After": str(wait)})


@dataclass(frozen=True, slots=True)
class Proof:
    """Who proved what, and where they want to go."""

    person_id: int
    factors: tuple[str, ...]
    next: str


def enter(request: Request, portal: Portal, who: SignedIn | Visitor, proof: Proof) -> Response:
    """Begin the session and lead on; to the setting up of a second factor where one is demanded and there is none yet.

    Raises what :func:`nightmail.access.logins.complete_login` does. A session that this browser had is over.
    """
    with portal.engine.begin() as connection:
        try:
            session = complete_login(
                connection,
                proof.person_id,
                proof.factors,
                portal.settings,
                address=client_address(request),
                user_agent=request.headers.get("user-agent"),
            )
        except NightmailError as error:
            if error.reason != "second_factor_demanded":
                raise
            payload = {"factors": list(proof.factors), "next": proof.next}
            token = keep_step(connection, StepKind.SECOND_FACTOR, payload, person_id=proof.person_id)
            return step_on(request, "/login/set-up", token)
        if isinstance(who, SignedIn):
            end_session(connection, who.session_id, ended_by=f"person:{proof.person_id}")
    response = redirect(request, proof.next)
    set_cookie(request, response, "session", session.token)
    for kind in ("step", "challenge"):
        if cookie_name(request, kind) in request.cookies:
            end_cookie(request, response, kind)
    return response


def step_on(request: Request, address: str, token: str) -> Response:
    """Lead to the next step, which the browser's cookie names."""
    response = redirect(request, address)
    set_cookie(request, response, "step", token, STEP_S)
    return response


def waiting_step(request: Request, connection: Connection, kind: StepKind) -> Step:
    """The step that waits for this browser. Raises :class:`RequestError` (``login_step_over``)."""
    step = read_step(connection, kind, request.cookies.get(cookie_name(request, "step"), ""))
    if step is None or step.person_id is None:
        raise RequestError("login_step_over", status=410)
    return step


def taken_step(request: Request, connection: Connection, kind: StepKind) -> Step:
    """The same, and it waits no longer."""
    step = take_step(connection, kind, request.cookies.get(cookie_name(request, "step"), ""))
    if step is None:
        raise RequestError("login_step_over", status=410)
    return step


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
