"""Emails to those who may act: what waits for their approval, and what somebody must look at.

They name campaigns, teams and what is wrong, and no recipient. Where no account works nothing is claimed: it is told as soon as one
does, if it still waits and is not older than a day.
"""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from nightmail.events.notices import DueNotice, claim_notices, record_told
from portal.account_emails import AccountEmails, PersonEmail
from portal.web.login.notices import in_language
from portal.web.translating import gettext, ngettext

INTERVAL_S = 10.0
"""Seconds between two looks for what is to be told."""
LINES = 30
"""Requests, and alerts, that one email lists; the others are counted."""
_log = logging.getLogger("nightmail.portal")


def send_notices(engine: Engine, emails: AccountEmails, origin: str) -> int:
    """Tell people what is due, and return how many were told. What fails with one is told later, and stops no other."""
    with engine.connect() as connection:
        if not emails.work(connection):
            return 0
    told = 0
    for notice in claim_notices(engine):
        try:
            if emails.send_now(notice_email(notice, origin)):
                record_told(engine, notice)
                told += 1
        except Exception:
            _log.exception("person:%s was not told what waits for them", notice.person_id)
    return told


def notice_email(notice: DueNotice, origin: str) -> PersonEmail:
    """What a person is told, in their language; alerts are in the words in which they were raised."""

    def write() -> PersonEmail:
        requests = [f"{told.campaign} ({told.team})" for told in notice.told if told.campaign]
        alerts = [f"{told.team}: {told.alert}" if told.team else told.alert for told in notice.told if told.alert]
        parts = [gettext("Hello %(name)s,") % {"name": notice.name}]
        if requests:
            parts.append(
                ngettext(
                    "A campaign waits for your approval. It is not sent before:",
                    "%(count)s campaigns wait for your approval. They are not sent before:",
                    len(requests),
                )
                % {"count": len(requests)}
            )
            parts += [_listed(requests), f"{origin}/approvals"]
        if alerts:
            parts.append(gettext("Somebody must look at this:"))
            parts += [_listed(alerts), origin]
        parts.append(gettext("You are told since you may act on it. Who else may was told too."))
        subject = gettext("Nightmail: approval needed") if requests else gettext("Nightmail: new alerts")
        return PersonEmail(notice.email, subject, "\n\n".join(parts) + "\n", notice.language)

    return in_language(notice.language, write)


def _listed(lines: list[str]) -> str:
    shown = [f"- {line}" for line in lines[:LINES]]
    if len(lines) > LINES:
        shown.append(gettext("- and %(count)s more") % {"count": len(lines) - LINES})
    return "\n".join(shown)
