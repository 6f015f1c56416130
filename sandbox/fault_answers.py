"""How faults look over HTTP, whichever carrier commits them."""

from __future__ import annotations

from sandbox.faults import FaultRule
from sandbox.http_server import Response


def answer_without_taking(fault: FaultRule) -> Response:
    """How a fault looks that leaves the message untaken."""
    if fault.kind == "reset_before":
        return Response(misbehave="reset")
    if fault.kind == "hang_before":
        return Response(misbehave="hang", seconds=fault.seconds)
    page = b"<html><head><title>Gateway</title></head><body><h1>Please sign in to the network</h1></body></html>"
    if fault.kind == "429":
        return Response(429, b"{}", headers={"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "503":
        return Response(503, b"{}", headers={"Retry-After": f"{fault.retry_after:g}"})
    if fault.kind == "500_before":
        return Response(500, b"{}")
    if fault.kind == "400":
        return Response(400, b'{"errors": [{"message": "Bad Request", "field": null, "help": null}]}')
    if fault.kind == "422":
        return Response(422, b'{"errors": [{"message": "Unprocessable", "field": null, "help": null}]}')
    return Response(502 if fault.kind == "html_502" else 200, page, "text/html")


def answer_after(fault: FaultRule, response: Response) -> Response:
    """How a fault looks whose message was taken."""
    if fault.kind == "500_after":
        return Response(500, b"{}")
    if fault.kind == "reset_after":
        return Response(misbehave="reset")
    if fault.kind == "hang_after":
        return Response(misbehave="hang", seconds=fault.seconds)
    if fault.kind == "html_after":
        return Response(200, b"<html><body>OK</body></html>", "text/html")
    response.misbehave = fault.kind
    response.seconds = fault.seconds
    return response
