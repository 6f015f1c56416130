"""What a contact chose, as facts of its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from nightmail.consent.consent_requests import RequestRow
from nightmail.consent.consents import ConsentRow
from portal.web.channel_words import channel_label
from portal.web.translating import gettext


def chosen_facts(preference: Mapping[str, Any] | None) -> list[tuple[str, object]]:
    """The choices of a contact; none where it made none."""
    if not preference:
        return []
    until = preference.get("paused_until")
    quiet = [preference.get("quiet_from"), preference.get("quiet_until")]
    found: list[tuple[str, object]] = [
        (gettext("Channels"), ", ".join(channel_label(each) for each in preference.get("channels") or [])),
        (gettext("Wants"), ", ".join(preference.get("categories_in") or [])),
        (gettext("Does not want"), ", ".join(preference.get("categories_out") or [])),
        (
            gettext("Quiet hours"),
            f"{quiet[0]}–{quiet[1]} {preference.get('time_zone') or ''}".strip() if all(quiet) else "",
        ),
        (gettext("Language"), preference.get("language") or ""),
        (gettext("Pause until"), dt.datetime.fromisoformat(until).date() if until else ""),
    ]
    return [(label, value) for label, value in found if value]


def shown_requests(rows: Sequence[RequestRow]) -> list[dict[str, Any]]:
    """What a contact was asked for and has not confirmed; what they confirmed stands among the consents."""
    return [
        {
            "category": row.category,
            "channel": channel_label(row.channel) if row.channel else gettext("every channel"),
            "state": gettext("asked for") if row.waits else gettext("not confirmed in time"),
            "tone": "info" if row.waits else "mute",
            "at": row.asked_at,
            "how": row.asked_how,
            "text": f"{row.text_name} {row.text_version}",
            "until": row.expires_at,
        }
        for row in rows
        if row.confirmed_at is None
    ]


def shown_consents(rows: Sequence[ConsentRow]) -> list[dict[str, Any]]:
    """What a contact agreed to or withdrew, as its page shows it."""
    return [_shown(row, dt.datetime.now(dt.UTC)) for row in rows]


def _shown(row: ConsentRow, now: dt.datetime) -> dict[str, Any]:
    if row.withdrawn_at is not None:
        state, tone, at, how = gettext("withdrawn"), "bad", row.withdrawn_at, row.withdrawn_how
    elif row.expires_at is not None and row.expires_at <= now:
        state, tone, at, how = gettext("expired"), "warn", row.captured_at, row.captured_how
    else:
        state, tone, at, how = gettext("given"), "good", row.captured_at, row.captured_how
    return {
        "category": row.category,
        "channel": channel_label(row.channel) if row.channel else gettext("every channel"),
        "state": state,
        "tone": tone,
        "at": at,
        "how": how or "",
        "text": f"{row.text_name} {row.text_version}" if row.text_name else "",
        "until": row.expires_at if row.withdrawn_at is None else None,
    }
