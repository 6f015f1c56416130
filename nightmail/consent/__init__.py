"""Consent: suppressions, opt-out words and unsubscribe links.

What belongs here: what a recipient allowed or forbade, and how it is recorded. What does not: who is sent to because of it (:mod:`nightmail.audience`).
"""
