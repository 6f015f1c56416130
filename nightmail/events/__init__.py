"""Events: what teams' webhooks are called with, how each call is signed, tried and given up, and who is told what by email.

What belongs here: the webhooks of teams, the calls that wait for them, the proof of who calls, and which people are told of requests
for approval and of alerts. What does not: posting a
call (:mod:`portal.webhook_calls`), writing an email (:mod:`portal.web.notice_emails`), and webhooks from carriers (:mod:`portal.carrier_webhooks`).
"""
