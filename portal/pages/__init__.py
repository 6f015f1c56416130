"""Web pages: plain HTML made on the server, with one inline style sheet and nothing fetched from anywhere.

The content security policy allows the style sheet by its hash and nothing else: no scripts, no images, no frames.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

_LAYOUTS = Path(__file__).parent / "layouts"
STYLE = (_LAYOUTS / "style.css").read_text("utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_LAYOUTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code_marked
    return environment


def code_marked(text: str) -> Markup:
    """A text with what stands between backquotes shown as code."""
    parts = escape(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 and place < len(parts) - 1 else part
        for place, part in enumerate(parts)
    )


@lru_cache(maxsize=256)
def _headers(style_text: str) -> dict[str, str]:
    style = b64encode(sha256(style_text.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }


def page(layout: str, status: int = 200, *, sheet: str = "", **values: Any) -> Response:
    """The page ``layout`` with ``values``; ``sheet`` is style that comes after everybody's.

    ``language`` is known to every layout, ``sandbox``: the labels of what goes there, and ``wordmark``: whose page it is.
    """
    style = STYLE + sheet
    values = {"language": "en", "sandbox": (), "wide": False, "wordmark": "", "style": style, **values}
    text = _environment().get_template(f"{layout}.html").render(values)
    return Response(text, status, _headers(style), "text/html; charset=utf-8")
