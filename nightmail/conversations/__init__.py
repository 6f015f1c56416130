"""Conversations: what recipients say on their conversation page or by keys in a call, and what follows.

What belongs here: the page behind a signed chat link, and what a pressed key means. What does not: replies as carriers bring
them (:mod:`nightmail.receipts`), and the page's looks (:mod:`portal`).
"""
