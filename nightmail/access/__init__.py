"""Access: people and programs, what they may do and where, and how they prove who they are.

What belongs here: permissions, roles and grants, the one decision (:func:`nightmail.access.decisions.allowed`), people and
API keys, and what is kept of a key's requests. What does not: the header or the form in which a proof arrives (:mod:`portal`).
"""
