"""Receipts: what carriers say about messages after the hand-off, and replies as they arrive.

What belongs here: storing what came by webhook or by polling, once, and what it changes in the ledger. What does not: the
wire format of a carrier (``resources/carriers/<company>/``), and what is answered to a person
(:mod:`nightmail.conversations`).
"""
