"""The email that brings an invitation."""

from __future__ import annotations

from nightmail.access.people import PersonRow
from portal.account_emails import PersonEmail
from portal.web.translating import gettext, speak, spoken_language


def invitation_email(person: PersonRow, inviter: str, link: str) -> PersonEmail:
    """The invitation of ``person`` in their language: who invites, and the link, which is good once and for a week."""
    before = spoken_language()
    speak(person.language)
    try:
        body = gettext(
            "Hello %(name)s,\n\n%(inviter)s invites you to Nightmail. Open this link to choose how you log in:\n\n%(link)s\n\n"
            "It is good once, for seven days. If you do not know what this is about, do nothing.\n"
        ) % {"name": person.name, "inviter": inviter, "link": link}
        return PersonEmail(person.email, gettext("Your invitation to Nightmail"), body, person.language)
    finally:
        speak(before)
