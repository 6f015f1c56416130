"""Events: webhooks to teams.

What belongs here: which events a team hears of, and their delivery. What does not: webhooks from carriers (`portal/carrier_webhooks/`).
"""
