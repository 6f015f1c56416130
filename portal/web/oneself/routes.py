"""One's own page: how one is called and spoken to, and one's sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from nightmail.access.authentication_policy import login_rules
from nightmail.access.deputies import deputy_of, end_deputy, name_deputy
from nightmail.access.identity_providers import linked_providers, list_providers
from nightmail.access.logins import factors_of
from nightmail.access.passkeys import list_passkeys
from nightmail.access.people import change_oneself
from nightmail.access.sessions import end_session, end_sessions, list_sessions
from nightmail.errors import NightmailError, UsageError
from portal.problems import RequestError
from portal.state import Portal, PortalState
from portal.web.cookies import end_cookie
from portal.web.login.entering import passkey_site
from portal.web.login.texts import words_of
from portal.web.messages import redirect
from portal.web.oneself.browsers import browser_of
from portal.web.rendering import render
from portal.web.sent_form import FormSent
from portal.web.signed_in import SignedIn, anyone_signed_in, recently_authenticated
from portal.web.stated_days import end_of_day
from portal.web.translating import LANGUAGES, gettext, speak

router = APIRouter(include_in_schema=False)
Me = Annotated[SignedIn, anyone_signed_in]


@router.get("/me")
def oneself(request: Request, portal: PortalState, me: Me) -> Response:
    """Name, language, zone; the ways to log in; sessions."""
    return show_oneself(request, portal, me)


@router.post("/me")
def change(request: Request, portal: PortalState, form: FormSent, me: Me) -> Response:
    """Change how one is called and spoken to."""
    fields = {"name": form.value("name", 600), "language": form.value("language", 5)}
    fields["time_zone"] = form.value("time_zone", 60)
    try:
        with portal.engine.begin() as connection:
            change_oneself(connection, me.person_id, **fields)
    except NightmailError as error:
        where = {"person_language": "language", "person_time_zone": "time_zone"}.get(error.reason, "name")
        return show_oneself(request, portal, me, fields, {where: words_of(error)})
    speak(fields["language"] if fields["language"] in LANGUAGES else me.language)
    return redirect(request, "/me", gettext("Your details are changed."))


@router.post("/me/sessions/{session}/end")
def end_one(session: int, request: Request, portal: PortalState, me: Me) -> Response:
    """End one of one's own sessions; another person's is not there."""
    with portal.engine.begin() as connection:
        if session not in {each.id for each in list_sessions(connection, me.person_id)}:
            raise RequestError("not_found", what="page")
        end_session(connection, session, ended_by=me.principal.actor)
    if session != me.session_id:
        return redirect(request, "/me", gettext("The session has ended."))
    response = redirect(request, "/login")
    end_cookie(request, response, "session")
    return response


@router.post("/me/sessions/end-others")
def end_others(request: Request, portal: PortalState, me: Me) -> Response:
    """End all sessions but this one."""
    with portal.engine.begin() as connection:
        end_sessions(connection, me.person_id, ended_by=me.principal.actor, but=me.session_id)
    return redirect(request, "/me", gettext("All other sessions have ended."))


@router.post("/me/deputy")
def name_a_deputy(
    request: Request, portal: PortalState, form: FormSent, me: Annotated[SignedIn, recently_authenticated]
) -> Response:
    """Name who may approve meanwhile."""
    values = {"deputy": form.value("deputy", 400), "deputy_until": form.value("deputy_until", 20)}
    try:
        until = end_of_day(values["deputy_until"], me.zone)
        if until is None:
            raise UsageError("deputy_time")
        with portal.engine.begin() as connection:
            name_deputy(connection, me.person_id, values["deputy"], until)
    except ValueError:
        errors = {"deputy_until": gettext("Give a date such as 2027-01-31.")}
    except NightmailError as error:
        errors = {"deputy_until" if error.reason == "deputy_time" else "deputy": words_of(error)}
    else:
        return redirect(request, "/me", gettext("Your deputy is named."))
    return show_oneself(request, portal, me, {**_details(me), **values}, errors)


@router.post("/me/deputy/end")
def end_the_deputy(request: Request, portal: PortalState, me: Annotated[SignedIn, recently_authenticated]) -> Response:
    """Act oneself again."""
    with portal.engine.begin() as connection:
        end_deputy(connection, me.person_id)
    return redirect(request, "/me", gettext("Nobody stands in for you any longer."))


def _details(me: SignedIn) -> dict[str, str]:
    return {"name": me.name, "language": me.language, "time_zone": me.time_zone}


def show_oneself(
    request: Request,
    portal: Portal,
    me: SignedIn,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    """The page, with what was typed and what was wrong with it."""
    with portal.engine.connect() as connection:
        factors = factors_of(connection, me.person_id)
        passkeys = list_passkeys(connection, me.person_id)
        sessions = list_sessions(connection, me.person_id)
        rules = login_rules(connection, me.person_id, portal.settings)
        every = list_providers(connection, active=False)
        linked = linked_providers(connection, me.person_id) if every else []
        providers = [each.name for each in every if each.active]
        deputy = deputy_of(connection, me.person_id)
    return render(
        request,
        "oneself/oneself.html",
        422 if errors else 200,
        me=me,
        values=values or _details(me),
        deputy=deputy,
        errors=errors or {},
        factors=factors,
        passkeys=passkeys,
        sessions=[(each, browser_of(each.user_agent)) for each in sessions],
        rules=rules,
        linked=linked,
        others=[name for name in providers if name not in {each for _, each in linked}],
        passkeys_possible=passkey_site(request) is not None,
        zones=[(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())],
    )
