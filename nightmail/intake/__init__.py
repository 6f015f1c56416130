"""Intake: a file, a schedule or a single message becomes a campaign, and the uploader gets an answer.

What belongs here: whether a file came before, the campaign that it becomes, result and reject files, files that are late.
What does not: how a file travels (``resources``), how it is read (:mod:`nightmail.contact_files`), what its campaign is
prepared with (:mod:`nightmail.preparation`), the campaign's states (:mod:`nightmail.campaigns.transitions`).
"""
