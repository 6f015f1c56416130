"""Campaigns: a campaign's row and states, approval, suspensions and alerts.

What belongs here: what a person or a sensor does to a campaign as a whole. What does not: the stages that prepare it (:mod:`nightmail.preparation`), and the hand-off of its messages (:mod:`nightmail.sending`).
"""
