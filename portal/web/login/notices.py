"""Emails to a person about their own account: that something changed by which they log in, and links."""

from __future__ import annotations

import contextvars
from collections.abc import Callable

from fastapi import Request

from nightmail.access.logins import Factors
from portal.account_emails import PersonEmail
from portal.state import Portal
from portal.web.login.entering import email_origin
from portal.web.translating import gettext, speak


def tell_of_change(request: Request, person: Factors, what: str) -> None:
    """Tell a person by email that ``what`` has happened: a sentence that is :func:`marked`, translated for its reader."""
    portal: Portal = request.app.state.portal
    origin = email_origin(request)

    def write() -> PersonEmail:
        body = "\n\n".join(
            (
                gettext("Hello %(name)s,") % {"name": person.name},
                gettext(what),
                gettext(
                    "If it was you, there is nothing to do. If not, change your password and end your sessions at "
                    "%(address)s, and tell an administrator."
                )
                % {"address": f"{origin}/me"},
            )
        )
        return PersonEmail(person.email, gettext("Your login at Nightmail has changed"), body + "\n", person.language)

    portal.emails.send(in_language(person.language, write))


def password_link(person: Factors, address: str) -> PersonEmail:
    """The email with the link by which a new password is chosen."""

    def write() -> PersonEmail:
        body = "\n\n".join(
            (
                gettext("Hello %(name)s,") % {"name": person.name},
                gettext("Somebody, most likely you, asked for a new password. Choose it here within the hour:"),
                address,
                gettext("If it was not you, there is nothing to do: without the link nothing changes."),
            )
        )
        return PersonEmail(person.email, gettext("A new password for Nightmail"), body + "\n", person.language)

    return in_language(person.language, write)


def in_language(language: str, write: Callable[[], PersonEmail]) -> PersonEmail:
    """Have a text written in the reader's language, whatever the request's is."""

    def written() -> PersonEmail:
        speak(language)
        return write()

    return contextvars.copy_context().run(written)
