"""Conversations: what recipients say on their conversation page, and what follows.

What belongs here: the page behind a signed chat link. What does not: replies as carriers bring them (:mod:`nightmail.receipts`).
"""
