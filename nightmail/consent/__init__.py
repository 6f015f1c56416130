"""Consent: suppressions, opt-out words and unsubscribe links.

What belongs here: what a recipient allowed or forbade, and how it is recorded. What does not: who is sent to because of it
(:mod:`nightmail.audience`), and the pages and commands by which it is changed (:mod:`portal`, :mod:`commands`).

``phonenumbers`` is imported within a function: it costs 0.1 s of the portal's start, and few requests need it.
"""
