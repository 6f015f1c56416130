"""Templates: bodies per channel and language, and the messages rendered from them.

:func:`load_template` reads a template; :func:`render_messages` is the stage ``messages``. What belongs here: the template
language, formats of numbers and dates by language, lengths and segments, the markup of each channel. What does not: who
is sent to (:mod:`nightmail.audience`), prices (:mod:`nightmail.organisation.prices`). Babel is imported where it is used
first, since its data takes a while to load.
"""

from __future__ import annotations

from nightmail.organisation.categories import PREDEFINED_CATEGORIES
from nightmail.templates.errors import TemplateError
from nightmail.templates.loading import load_template, stored_template
from nightmail.templates.model import (
    SYSTEM_PLACEHOLDERS,
    Bodies,
    Body,
    EmailBody,
    Placeholder,
    PlaceholderType,
    Template,
    VoiceBody,
    VoiceQuestion,
)
from nightmail.templates.rendering import render_messages
from nightmail.templates.summary import MessagesSummary, RenderOptions
from nightmail.templates.template_files import SAMPLE_TEMPLATES, find_template, sample_names

__all__ = [
    "PREDEFINED_CATEGORIES",
    "SAMPLE_TEMPLATES",
    "SYSTEM_PLACEHOLDERS",
    "Bodies",
    "Body",
    "EmailBody",
    "MessagesSummary",
    "Placeholder",
    "PlaceholderType",
    "RenderOptions",
    "Template",
    "TemplateError",
    "VoiceBody",
    "VoiceQuestion",
    "find_template",
    "load_template",
    "render_messages",
    "sample_names",
    "stored_template",
]
