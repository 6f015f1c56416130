"""Receipts: what carriers say about messages later, and replies as they arrive.

What belongs here: storing what came by webhook or by polling, once. What does not: the wire format of a carrier (`resources/carriers/<company>/`).
"""
