"""Templates: bodies per channel and language, and the messages rendered from them.

:func:`load_template` reads a template; :func:`render_messages` is the stage ``messages``. What belongs here: the template
language, formats of numbers and dates by language, lengths and segments, the markup of each channel. What does not: who
is sent to (:mod:`nightmail.preferences`), prices (:mod:`nightmail.pricing`).
"""

from __future__ import annotations

from nightmail.templates.model import (
    PREDEFINED_CATEGORIES,
    SYSTEM_PLACEHOLDERS,
    Bodies,
    EmailBody,
    Placeholder,
    PlaceholderType,
    Template,
    VoiceBody,
    VoiceQuestion,
    choose_language,
)
from nightmail.templates.summary import MessagesSummary, RenderOptions

__all__ = [
    "PREDEFINED_CATEGORIES",
    "SYSTEM_PLACEHOLDERS",
    "Bodies",
    "EmailBody",
    "MessagesSummary",
    "Placeholder",
    "PlaceholderType",
    "RenderOptions",
    "Template",
    "VoiceBody",
    "VoiceQuestion",
    "choose_language",
]
