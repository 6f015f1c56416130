"""Errors as pages: for browsers, where the API answers with a problem document.

One page for everything: what happened and what to do next, in the frame of whoever asked. What was not found and what one may not
see look the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from nightmail.errors import NightmailError
from nightmail.reasons import Surface
from portal.problems import PROBLEM_PATH
from portal.web.login.texts import is_known, words_of
from portal.web.rendering import render
from portal.web.signed_in import LoginNeededError, current
from portal.web.translating import gettext, speak

_PROGRAMS = ("/v1/", PROBLEM_PATH, "/webhooks/", "/health", "/openapi.json", "/static/")
"""Addresses at which programs ask: their errors stay documents."""
_log = logging.getLogger("nightmail.portal")
Handler = Callable[[Request, Any], Awaitable[Response]]


def install(application: FastAPI) -> None:
    """Have errors shown as pages to browsers; to be called after :func:`portal.problems.install`."""
    for kind in (
        NightmailError,
        HTTPException,
        RequestValidationError,
        OperationalError,
        PoolTimeoutError,
        Exception,
    ):
        document: Handler = application.exception_handlers[kind]  # type: ignore[assignment]
        application.add_exception_handler(kind, _page_or(document))

    @application.exception_handler(LoginNeededError)
    async def to_the_login(request: Request, error: LoginNeededError) -> Response:
        if request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"HX-Redirect": error.address, "Cache-Control": "no-store"})
        return Response(status_code=303, headers={"Location": error.address, "Cache-Control": "no-store"})


def _page_or(document: Handler) -> Handler:
    async def answer(request: Request, error: Exception) -> Response:
        answered = await document(request, error)
        if not _wants_page(request):
            return answered
        try:
            return await run_in_threadpool(_page, request, error, answered)
        except Exception as failure:
            if not isinstance(failure, OperationalError | PoolTimeoutError):
                _log.exception("the page of an error failed")
            # Without a database there is nobody to show a frame for: a plain page still says what to do.
            return _plain(request, answered)

    return answer


def _wants_page(request: Request) -> bool:
    path = request.url.path
    return "text/html" in request.headers.get("accept", "") and not path.startswith(_PROGRAMS)


def _page(request: Request, error: Exception, answered: Response) -> Response:
    if not hasattr(request.state, "who"):
        request.state.who = current(request, request.app.state.portal)
    speak(request.state.who.language)
    status = answered.status_code
    title, sentence, remedy = _words(error, status)
    headers = {"Retry-After": answered.headers["retry-after"]} if "retry-after" in answered.headers else {}
    return render(
        request,
        "layouts/failure.html",
        status,
        headers=headers,
        title=title,
        sentence=sentence,
        remedy=remedy,
    )


def _words(error: Exception, status: int) -> tuple[str, str, str]:
    """Title, sentence and remedy; an address that is not there says nothing more than that."""
    if status == 404:
        return (
            gettext("Page not found"),
            gettext("There is nothing at this address, or nothing that you may see."),
            gettext("Check the address, or start from the home page."),
        )
    if status == 405:
        return (gettext("Not possible here"), gettext("This address takes no such request."), "")
    if status == 503:
        return (
            gettext("Out of reach for the moment"),
            gettext("The portal cannot reach its database, or is too busy."),
            gettext("Nothing was changed. Try again in a few seconds."),
        )
    if isinstance(error, NightmailError) and is_known(error):
        return (gettext("This was not done"), words_of(error), "")
    if isinstance(error, NightmailError):
        return (gettext("This was not done"), error.message, error.remedy_for(Surface.PAGE))
    if 400 <= status < 500:
        return (
            gettext("This was not done"),
            gettext("What the browser sent is not what the page's form sends."),
            gettext("Go back, load the page again and fill it in once more."),
        )
    return (
        gettext("Something went wrong"),
        gettext("The portal made a mistake; it is in its log."),
        gettext("Try again. If it stays, tell the people who run the portal when it happened."),
    )


def _plain(request: Request, answered: Response) -> Response:
    """A page without frame, styles and database."""
    del request
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Nightmail</title>'
        "<h1>Out of reach for the moment</h1><p>The portal cannot reach its database. Try again in a few seconds.</p></html>"
    )
    headers = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store"}
    return Response(text, answered.status_code, headers, "text/html; charset=utf-8")
