"""The portal as it is served, with a header that says how many statements each answer took: for ``benchmarks.portal`` alone."""

from __future__ import annotations

import argparse
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = b"x-benchmark-queries"
_count: ContextVar[list[int] | None] = ContextVar("queries of this request", default=None)


class Counting:
    """Counts the statements of each request; its threads see the request's context."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and say what it took."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        found = [0]
        _count.set(found)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (HEADER, b"%d" % found[0])]
            await send(message)

        await self._application(scope, receive, told)


def _counted(*_: Any) -> None:
    found = _count.get()
    if found is not None:
        found[0] += 1


def main() -> None:
    """Serve until SIGTERM."""
    import uvicorn

    from portal.application import create_application
    from portal.serving import server_configuration

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    event.listen(Engine, "before_cursor_execute", _counted)
    configuration = server_configuration(Counting(create_application()), host="127.0.0.1", port=arguments.port)
    uvicorn.Server(configuration).run()


if __name__ == "__main__":
    main()
