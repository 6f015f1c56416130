"""The choice of theme and language, kept in the browser; a person's language is also kept with the person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from nightmail.access.people import change_oneself
from portal.state import PortalState
from portal.web.cookies import set_choice
from portal.web.messages import local_address, redirect
from portal.web.rendering import THEMES
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, Visitor, public
from portal.web.translating import LANGUAGES

router = APIRouter(include_in_schema=False)


@router.post("/appearance")
def change_appearance(
    request: Request, portal: PortalState, form: FormSent, who: Annotated[SignedIn | Visitor, public]
) -> Response:
    """Keep what was chosen and go back to the page where it was."""
    response = redirect(request, local_address(form.value("next")))
    if form.value("theme") in THEMES:
        set_choice(request, response, "theme", form.value("theme"))
    language = form.value("language")
    if language in LANGUAGES:
        set_choice(request, response, "language", language)
        if isinstance(who, SignedIn) and language != who.language:
            with portal.engine.begin() as connection:
                change_oneself(connection, who.person_id, name=who.name, language=language, time_zone=who.time_zone)
    return response
