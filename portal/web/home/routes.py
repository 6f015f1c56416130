"""Home: what there is for this person; and the keys that lead there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from portal.web.rendering import render
from portal.web.signed_in import SignedIn, anyone_signed_in

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """The pages that this person may open."""
    return render(request, "home/home.html", me=me)


@router.get("/keys")
def keys(request: Request, me: Annotated[SignedIn, anyone_signed_in]) -> Response:
    """Which keys lead where."""
    return render(request, "home/keys.html", me=me)
