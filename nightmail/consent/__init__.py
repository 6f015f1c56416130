"""Consent: suppressions, opt-out words and unsubscribe links.

What belongs here: what a recipient allowed or forbade, and how it is recorded. What does not: who is sent to because of it
(:mod:`nightmail.audience`), and the pages and commands by which it is changed (:mod:`portal`, :mod:`commands`).

``phonenumbers`` and ``pyarrow`` are imported within functions: they cost 0.2 s, and the portal's and the commands' start
should not pay for them.
"""
