"""The page of parts: invented values, the same at each look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from portal.web.charts import Series, line, stacked_bars
from portal.web.flows import FlowDrawing, FlowStep, FlowStream, draw
from portal.web.messages import redirect
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, anyone_signed_in

router = APIRouter(include_in_schema=False)

_MOMENT = datetime(2026, 11, 30, 13, 57, 18, tzinfo=UTC)
_DELIVERED = (
    38,
    40,
    46,
    64,
    112,
    221,
    392,
    630,
    830,
    890,
    812,
    634,
    396,
    240,
    205,
    322,
    518,
    577,
    530,
    296,
    128,
    58,
    41,
    24,
)
_LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Αλεξάνδρα-Владимирович " * 3 + "محمد بن عبد الله · 山田太郎"


@router.get("/parts")
def parts(request: Request, _me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """All parts on one page."""
    return render(request, "gallery/parts.html", **_values({}, {}))


@router.post("/parts")
def send_parts(request: Request, form: FormSent, _me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """The form of the page: without an address it comes back with errors, with one it leads on with a message."""
    if form.value("email"):
        return redirect(request, "/parts", "The form was fine; nothing was kept of it.")
    errors = {
        "email": "Enter an email address, like name@example.org",
        "reason": "Choose a reason",
    }
    values = {**form.as_typed(), "roles": form.values("roles")}
    return render(request, "gallery/parts.html", 422, **_values(values, errors))


def _values(values: dict[str, Any], errors: dict[str, str]) -> dict[str, Any]:
    hours = [f"{hour:02d}:00" for hour in range(24)]
    bars = stacked_bars(
        hours,
        [
            Series("delivered", "Delivered", _DELIVERED),
            Series("under-way", "Under way", [0] * 22 + [4, 14]),
            Series("undelivered", "Undelivered", [value // 25 for value in _DELIVERED]),
            Series("failed", "Failed", [0] * 17 + [76] + [0] * 6),
        ],
    )
    return {
        "values": {"name": _LONG_NAME, **values},
        "errors": errors,
        "bars": bars,
        "curve": line(hours, Series("delivered", "Messages per second", _DELIVERED)),
        "empty_bars": stacked_bars(hours, [Series("delivered", "Delivered", [0] * 24)]),
        "moment": _MOMENT,
        "later": _MOMENT + timedelta(hours=36),
        "rows": _rows(),
        "flow_drawing": _flow(),
        "nodes": _nodes(),
        "long_name": _LONG_NAME,
    }


def _flow() -> FlowDrawing:
    steps = [
        FlowStep("rows", 0, "Rows of the file", 412, "other", "/parts#flow"),
        FlowStep("contacts", 1, "Contacts", 400, "under-way", "/parts#flow"),
        FlowStep("rejects", 1, "Rejects", 12, "failed", "/parts#flow"),
        FlowStep("delivered", 2, "Delivered", 368, "delivered", "/parts#flow"),
        FlowStep("failed", 2, "Failed", 32, "failed"),
        FlowStep("expired", 2, "Expired", 0, "other"),
    ]
    streams = [
        FlowStream("rows", "contacts", 400),
        FlowStream("rows", "rejects", 12),
        FlowStream("contacts", "delivered", 368),
        FlowStream("contacts", "failed", 32),
    ]
    return draw(steps, streams, 3)


def _rows() -> list[dict[str, Any]]:
    states = (
        ("bad", "Failed", "21610"),
        ("info", "Under way", ""),
        ("good", "Delivered", ""),
        ("warn", "Undelivered", "30005"),
        ("mute", "Queued", ""),
    )
    rows = []
    for number in range(10):
        tone, state, code = states[number % len(states)]
        rows.append(
            {
                "id": f"m_{number * 7919:08x}",
                "time": _MOMENT - timedelta(seconds=47 * number),
                "to": f"+49 151 •••• {(number * 37) % 100:02d}" if number % 3 else "j•••@example.org",
                "state": state,
                "tone": tone,
                "channel": ("SMS", "Email", "Voice")[number % 3],
                "campaign": ("bills-november", "outage-north", "card-expiry")[number % 3],
                "code": code,
                "cost": 0.0004 if number % 3 == 0 else 0.075,
            }
        )
    return rows


def _nodes() -> list[dict[str, Any]]:
    def node(name: str, note: str = "", *children: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "address": "/parts#tree", "note": note, "children": list(children), "open": True}

    return [
        node(
            "Acme",
            "acme",
            node("Billing", "acme.billing", node("Collections", "acme.billing.collections")),
            node("Care", "acme.care"),
        )
    ]
