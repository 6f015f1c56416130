"""Forecasts: when a send ends.

What belongs here: the arithmetic of rates and loads, and the estimate before and after a ledger is loaded. What does not: the rates themselves, which senders keep (:mod:`nightmail.sending`).
"""
