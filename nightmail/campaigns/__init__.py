"""Campaigns: a campaign's row, its states, its counts; approval, suspensions and alerts.

What belongs here: what a person or a sensor does to a campaign, or to a channel, as a whole. What does not: the stages
that prepare a campaign (:mod:`nightmail.preparation`), the hand-off of its messages (:mod:`nightmail.sending`), when it
ends (:mod:`nightmail.forecasts`).

Functions that take a :class:`~sqlalchemy.Connection` belong to the caller's transaction; functions that take an
:class:`~sqlalchemy.Engine` commit by themselves, since other processes must see at once what they did.
"""
