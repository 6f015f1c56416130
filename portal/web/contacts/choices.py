"""What a contact chose, as facts of its page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

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
