"""Access: who may do what, and the keys by which programs prove who they are.

What belongs here: API keys and their scopes, and what is kept of a key's requests. What does not: the header or the form
in which a key arrives (:mod:`portal`).
"""
