"""The company behind the toy: an HTTP service on loopback that takes messages, commits faults and posts what becomes of them.

It uses none of the toy's own code. Addresses that begin with ``bad`` or end with ``7001`` are refused; those that begin with ``gone``
or end with ``7011`` are taken and fail; all others are delivered.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
from collections.abc import Coroutine
from hashlib import sha256
from types import TracebackType
from typing import Any

from sandbox.fault_answers import answer_after, answer_without_taking
from sandbox.faults import TAKES, Faults
from sandbox.http_server import HttpServer, Request, Response, json_response
from sandbox.webhook_delivery import WebhookDelivery
from tests.support.sandbox_process import eventually


class ToyStandIn:
    """Serves from ``__enter__`` to ``__exit__``, on a thread of its own."""

    key = "toy-key"

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        """Every message that was taken, in order: ``message``, ``id``, ``to``, ``from``, ``text``, ``status``."""
        self.base_url = ""
        self._faults = Faults(1)
        self._events = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toy stand-in", daemon=True)

    def __enter__(self) -> ToyStandIn:
        self._thread.start()
        self._do(self._start())
        return self

    async def _start(self) -> None:
        self._server = HttpServer(self._handle)
        self._delivery = WebhookDelivery()
        self._delivery.start()
        self.base_url = await self._server.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        await self._server.stop()
        await self._delivery.stop()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # What tests ask of it
    def faults(self, *rules: dict[str, Any]) -> None:
        """Commit these faults from now on (:mod:`sandbox.faults`; ``on`` is ``messages`` or ``lists``)."""
        self._faults.replace(list(rules))

    def accepted_ids(self) -> list[str]:
        """Our ids of the messages that were taken, as often as they were."""
        return [record["id"] for record in self.records]

    def drop_idle_connections(self) -> None:
        """Close every connection from the server's side."""
        self._loop.call_soon_threadsafe(self._server.drop_idle_connections)
        eventually(lambda: self._server.open_connections == 0)

    def write_back(self, record: dict[str, Any], text: str, base_url: str) -> None:
        """The recipient of a message answers."""
        event = {"from": record["to"], "to": record["from"], "text": text, "id": record["id"]}
        self._loop.call_soon_threadsafe(self._post, f"{base_url}/webhooks/toy/replies", event)

    # The service
    def _handle(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return json_response(401, {})
        match request.method, request.path:
            case "GET", "/account":
                return json_response(200, {"status": "open"})
            case "GET", "/messages":
                return self._search(request)
            case "POST", "/messages":
                return self._send(json.loads(request.body))
        return json_response(404, {})

    def _search(self, request: Request) -> Response:
        fault = self._faults.draw("lists")
        if fault is not None:
            return answer_without_taking(fault)
        wanted = request.query_values().get("id", [""])[0]
        return json_response(200, {"messages": [each for each in self.records if each["id"] == wanted]})

    def _send(self, content: dict[str, Any]) -> Response:
        fault = self._faults.draw("messages", str(content["to"]))
        if fault is not None and fault.kind not in TAKES:
            return answer_without_taking(fault)
        if not content["from"]:
            return json_response(422, {"code": "no_sender"})
        if _is(content["to"], "bad", "7001"):
            return json_response(422, {"code": "bad_address"})
        record = {**content, "message": f"toy-{len(self.records) + 1}", "status": "taken"}
        self.records.append(record)
        self._delivery.later(0.02, lambda: self._end(record))
        answer = json_response(201, {"message": record["message"]})
        return answer if fault is None else answer_after(fault, answer)

    def _end(self, record: dict[str, Any]) -> None:
        gone = _is(record["to"], "gone", "7011")
        record["status"] = "failed" if gone else "delivered"
        if record.get("callback"):
            told = {name: record[name] for name in ("message", "id", "to", "status")}
            self._post(record["callback"], {**told, "code": "gone"} if gone else told)

    def _post(self, url: str, event: dict[str, Any]) -> None:
        self._events += 1
        body = json.dumps({"event": f"event-{self._events}", **event}).encode()
        signature = hmac.new(self.key.encode(), body, sha256).hexdigest()
        self._delivery.post(url, body, {"Content-Type": "application/json", "X-Toy-Signature": signature})


def _is(address: str, start: str, end: str) -> bool:
    return address.startswith(start) or address.endswith(end)
