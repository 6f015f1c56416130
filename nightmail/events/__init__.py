"""Events: what teams' webhooks are called with, and how each call is signed, tried and given up.

What belongs here: the webhooks of teams, the calls that wait for them, and the proof of who calls. What does not: posting a
call (:mod:`portal.webhook_calls`), and webhooks from carriers (:mod:`portal.carrier_webhooks`).
"""
