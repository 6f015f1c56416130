"""Preferences: who of the contacts is sent to, on which channel and when, and why the others are not.

:func:`plan_audience` is the stage ``audience``. What belongs here: channel policy, opt-outs, suppression, consent, minors,
countries, quiet hours. What does not: verdicts on rows (:mod:`nightmail.row_checks`), texts (:mod:`nightmail.templates`).
"""

from __future__ import annotations

from nightmail.audience.known import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences
from nightmail.audience.planning import plan_audience
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.summary import AudienceSummary

__all__ = [
    "CONSENTS",
    "PREFERENCES",
    "SUPPRESSIONS",
    "AudiencePolicy",
    "AudienceSummary",
    "KnownPreferences",
    "plan_audience",
]
