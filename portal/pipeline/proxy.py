"""The reverse proxy to Dagster's webserver: each request is looked at before it is passed on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from nightmail.access.permissions import Permission
from nightmail.audit import write_entry
from portal.pipeline.operations import Asked, NotUnderstoodError, asked_by
from portal.pipeline.subscriptions import pass_on_subscriptions
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.signed_in import SignedIn, current, needs

router = APIRouter(include_in_schema=False)

PREFIX = "/pipeline"
GRAPHQL = f"{PREFIX}/graphql"
MAXIMUM_BODY = 4 * 1024**2
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding")
) | {"upgrade", "host", "content-length"}
# What a person's browser proves to the portal is not Dagster's to know.
_NOT_PASSED_ON = _HOP_BY_HOP | {"cookie", "authorization", "x-csrf-token", "forwarded"}
_NOT_PASSED_BACK = _HOP_BY_HOP | {"set-cookie", "access-control-allow-origin"}

Seer = Annotated[SignedIn, needs(Permission.PIPELINE_SEE)]


@router.api_route(PREFIX, methods=["GET", "HEAD"])
@router.api_route(PREFIX + "/{path:path}", methods=["GET", "HEAD"])
async def look(request: Request, me: Seer, portal: PortalState) -> Response:
    """Pages, files and logs of Dagster's. A query in an address is not run: an image's address is one, too."""
    _of_the_deployment(me)
    refuse_other_hosts(request, portal)
    if request.url.path.rstrip("/") == GRAPHQL:
        raise RequestError("pipeline_by_post")
    return await _pass_on(request, portal, b"")


@router.post(PREFIX + "/{path:path}")
async def ask(request: Request, me: Seer, portal: PortalState) -> Response:
    """GraphQL, and reports of events from outside: what changes something needs `pipeline.operate`, and leaves an entry."""
    _of_the_deployment(me)
    refuse_other_hosts(request, portal)
    refuse_other_origins(request)
    body = await _body(request)
    if request.url.path != GRAPHQL:
        await _operate(request, me, portal, (request.url.path.removeprefix(PREFIX)[:200],))
        return await _pass_on(request, portal, body)
    wanted = _understood(request, body)
    if wanted.subscribes:
        raise RequestError("pipeline_not_understood", problem="subscriptions come by WebSocket")
    if wanted.operates:
        await _operate(request, me, portal, wanted.names)
    return await _pass_on(request, portal, wanted.body)


@router.websocket(GRAPHQL)
async def subscribe(websocket: WebSocket) -> None:
    """What Dagster's pages show while it happens. For who may operate the pipeline; others' pages ask again and again."""
    portal: Portal = websocket.app.state.portal
    me = await run_in_threadpool(current, websocket, portal)  # type: ignore[arg-type]
    try:
        refuse_other_hosts(websocket, portal)
        refuse_other_origins(websocket)
    except RequestError:
        await websocket.close(4403)
        return
    if (
        not isinstance(me, SignedIn)
        or not me.may_for_all(Permission.PIPELINE_OPERATE)
        or portal.settings.dagster_socket is None
    ):
        await websocket.close(4403)
        return
    await pass_on_subscriptions(websocket, portal.settings.dagster_socket, GRAPHQL)


def _of_the_deployment(me: SignedIn) -> None:
    """Raise :class:`RequestError` (404) for who may see the pipeline of some teams only: Dagster shows those of all."""
    if not me.may_for_all(Permission.PIPELINE_SEE):
        raise RequestError("not_found", what="page")


def refuse_other_hosts(request: HTTPConnection, portal: Portal) -> None:
    """Raise :class:`RequestError` unless the browser asked for a name of ours: a page's name may be made to lead here."""
    host = request.headers.get("host", "").lower()
    public = urlsplit(portal.settings.public_url or "").netloc.lower()
    own_port = (request.scope.get("server") or ("", None))[1]
    names = (portal.settings.portal_host, "127.0.0.1", "localhost", "[::1]")
    if host not in {public, *(f"{name}:{own_port}" for name in names)} - {""}:
        raise RequestError("pipeline_host", host=host[:100])


def refuse_other_origins(request: HTTPConnection) -> None:
    """Raise :class:`RequestError` unless the browser says that a page of ours asks. Dagster's own pages always say it."""
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc.lower() != request.headers.get("host", "").lower():
        raise RequestError("form_from_elsewhere")


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAXIMUM_BODY:
            raise RequestError("request_too_large", limit=MAXIMUM_BODY)
    return body


def _understood(request: Request, body: bytes) -> Asked:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError("pipeline_not_understood", problem="it is not JSON")
    try:
        return asked_by(body)
    except NotUnderstoodError as error:
        raise RequestError("pipeline_not_understood", problem=f"it is {error}") from None


async def _operate(request: Request, me: SignedIn, portal: Portal, names: Iterable[str]) -> None:
    if not me.may_for_all(Permission.PIPELINE_OPERATE):
        raise RequestError("not_permitted", permission=Permission.PIPELINE_OPERATE, team="the deployment as a whole")
    await run_in_threadpool(_record, portal, me.principal.actor, tuple(names), request.url.path)


def _record(portal: Portal, actor: str, names: tuple[str, ...], path: str) -> None:
    with portal.engine.begin() as connection:
        write_entry(
            connection, actor=actor, action="pipeline.operated", subject=path, detail={"operations": list(names)}
        )


async def _pass_on(request: Request, portal: Portal, body: bytes) -> Response:
    if portal.settings.dagster_socket is None:
        raise RequestError("pipeline_away", problem="NIGHTMAIL_DAGSTER_SOCKET names none")
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_PASSED_ON]
    client = httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(portal.settings.dagster_socket)),
        timeout=httpx.Timeout(60.0, connect=5.0),
        follow_redirects=False,
    )
    query = f"?{request.url.query}" if request.url.query else ""
    onward = client.build_request(
        request.method, f"http://dagster{request.url.path}{query}", headers=headers, content=body or None
    )
    try:
        answer = await client.send(onward, stream=True)
    except httpx.HTTPError as error:
        await client.aclose()
        raise RequestError("pipeline_away", problem=type(error).__name__) from None
    return StreamingResponse(
        answer.aiter_raw(),
        status_code=answer.status_code,
        headers=_answer_headers(answer),
        background=BackgroundTask(_close, answer, client),
    )


def _answer_headers(answer: httpx.Response) -> dict[str, str]:
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED_BACK}
    policy = kept.pop("content-security-policy", "default-src 'none'")
    if "frame-ancestors" not in policy:
        policy = f"{policy.rstrip().rstrip(';')}; frame-ancestors 'none'"
    return kept | {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
    }


async def _close(answer: httpx.Response, client: httpx.AsyncClient) -> None:
    with contextlib.suppress(httpx.HTTPError, asyncio.CancelledError):
        await answer.aclose()
    await client.aclose()
