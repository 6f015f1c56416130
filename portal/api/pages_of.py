"""Lists by pages: a cursor that means "after this one", so that nothing is skipped or shown twice while lists grow."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from portal.problems import FieldProblem, RequestError

Item = TypeVar("Item")

Cursor = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=r"^[A-Za-z0-9_\-]+$",
        description="Where to go on: `next` of the page before",
        examples=["MTIzNDU"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Entries of one page", examples=[50])]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="The cursor of the next page; null on the last one", examples=["MTIzNDU"])


def position_of(cursor: str | None) -> int | None:
    """The position that a cursor means. Raises :class:`RequestError` for one that we did not make."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        if not text.isdigit() or len(text) > 19 or int(text) >= 2**63:
            raise ValueError
        return int(text)
    except ValueError:
        problem = FieldProblem(where="query.cursor", message="is not a cursor that this list gave")
        raise RequestError("request_invalid", errors=[problem]) from None


def cursor_of(position: int) -> str:
    """The cursor of a position."""
    return urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def link_to_next(request: Request, response: Response, cursor: str | None) -> None:
    """Say in the header Link, too, where the next page is."""
    if cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*others, ("cursor", cursor)])}>; rel="next"'
