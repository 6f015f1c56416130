"""Access: who may call the API, and with which permissions.

What belongs here: aPI keys and their permissions. What does not: what a request asks for (`portal/`).
"""
