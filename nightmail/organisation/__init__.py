"""Organisation: teams, feeds, categories, prices and served countries.

What belongs here: what an administrator sets up, as typed values. What does not: the file that sets it up (:mod:`nightmail.provisioning`).
"""
