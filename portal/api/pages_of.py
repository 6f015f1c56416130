"""Lists by pages: a cursor that means "after this one", so that nothing is skipped or shown twice while lists grow."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

Item = TypeVar("Item")

Cursor = Annotated[
    str | None,
    Query(
        pattern=r"^[1-9][0-9]{0,18}$",
        description="Where to go on: `next` of the page before",
        examples=["12345"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Entries of one page", examples=[50])]


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next: str | None = Field(description="The cursor of the next page; null on the last one", examples=["12345"])


def position_of(cursor: str | None) -> int | None:
    """The position that a cursor means."""
    return None if cursor is None else min(int(cursor), 2**63 - 1)


def cursor_of(position: int) -> str:
    """The cursor of a position."""
    return str(position)


def link_to_next(request: Request, response: Response, cursor: str | None) -> None:
    """Say in the header Link, too, where the next page is."""
    if cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*others, ("cursor", cursor)])}>; rel="next"'
