"""Retention: what is deleted, and when.

What belongs here: the deletion of personal data after the days that a team states, and of the ledger's old months. What
does not: backups (:mod:`nightmail.store`).
"""
