"""Preparation: the stages from a file to the messages, their contracts and their reconciliation.

What belongs here: the order of the stages, what each is given, the checks between them, and attempts that fail. What does
not: what a stage computes, which is in the room of its noun (:mod:`nightmail.contact_files`, :mod:`nightmail.row_checks`,
:mod:`nightmail.audience`, :mod:`nightmail.templates`). Great Expectations and pandas are
imported inside functions: they take three seconds, which only a preparing run should pay.
"""
