"""Audience: which contacts are sent to, on which channel and when, and for what reason the others are held.

:func:`plan_audience` is the stage ``audience``. What belongs here: the choice of a channel, opt-outs, suppressions,
consent, minors, served countries, quiet hours. What does not: verdicts on rows (:mod:`nightmail.row_checks`), texts
(:mod:`nightmail.templates`), how preferences and suppressions are recorded (:mod:`nightmail.consent`).
"""

from __future__ import annotations

from nightmail.audience.book_ids import BookIds
from nightmail.audience.known import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences, PreferenceSource
from nightmail.audience.people import People, people_of
from nightmail.audience.planning import plan_audience
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.summary import AudienceSummary

__all__ = [
    "CONSENTS",
    "PREFERENCES",
    "SUPPRESSIONS",
    "AudiencePolicy",
    "AudienceSummary",
    "BookIds",
    "KnownPreferences",
    "People",
    "PreferenceSource",
    "people_of",
    "plan_audience",
]
