"""What the parts of a template are called."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.channels import CHANNELS
from nightmail.templates.comparisons import PartKey
from portal.web.translating import gettext, marked

_PARTS: Mapping[str, str] = {
    "category": marked("category"),
    "default_language": marked("default language"),
    "prefer": marked("preferred alphabet"),
    "placeholders": marked("placeholders"),
    "subject": marked("subject"),
    "text": marked("text"),
    "html": marked("HTML"),
    "say": marked("what is said"),
    "play": marked("what is played"),
    "repeat": marked("the key to hear it again"),
    "question": marked("question"),
    "voice": marked("voice"),
}


def part_label(key: PartKey) -> str:
    """``Email, de: subject``; of what belongs to no body its name alone."""
    language, channel, part = key
    name = gettext("key %(key)s") % {"key": part[4:]} if part.startswith("key ") else gettext(_PARTS.get(part, part))
    if not channel:
        return name[:1].upper() + name[1:]
    return f"{CHANNELS[channel].label}, {language}: {name}"
