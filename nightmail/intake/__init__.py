"""Intake: a file that came becomes a campaign; what the uploader is told; what waits for a person.

What belongs here: which feed a file is for, whether it came before, its campaign, approval, result and reject files, and
the loading of all that decides a campaign's preparation. What does not: how a file travels (``resources``), how it is
read (:mod:`nightmail.contact_files`), the campaign's states (:mod:`nightmail.campaigns.transitions`).
"""
