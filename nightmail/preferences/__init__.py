"""Preferences: who of the contacts is sent to, on which channel and when, and why the others are not.

:func:`plan_audience` is the stage ``audience``. What belongs here: channel policy, opt-outs, suppression, consent, minors,
countries, quiet hours. What does not: verdicts on rows (:mod:`nightmail.contacts`), texts (:mod:`nightmail.templates`).
"""

from __future__ import annotations

from nightmail.preferences.known import CONSENTS, PREFERENCES, SUPPRESSIONS, KnownPreferences
from nightmail.preferences.planning import plan_audience
from nightmail.preferences.policy import AudiencePolicy, Delivery, QuietHours, parse_delivery
from nightmail.preferences.summary import AudienceSummary

__all__ = [
    "CONSENTS",
    "PREFERENCES",
    "SUPPRESSIONS",
    "AudiencePolicy",
    "AudienceSummary",
    "Delivery",
    "KnownPreferences",
    "QuietHours",
    "parse_delivery",
    "plan_audience",
]
