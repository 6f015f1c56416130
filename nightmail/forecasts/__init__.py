"""Forecasts: when a send ends, and whether that is after its cut-off.

What belongs here: the arithmetic of rates and loads, the estimate before a ledger is loaded, the forecast after it, and
the forecast that a campaign carries. What does not: the rates themselves (:mod:`nightmail.organisation.routes`) and the
pace that senders keep (:mod:`nightmail.sending.pace`).

Imports inside functions: pyarrow, templates and readers of files, which cost a second and are needed for uploads only.
"""
