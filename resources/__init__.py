"""The outside: the lake, the database, SFTP servers and carriers.

What belongs here: how each is reached, as Dagster resources and adapters. What does not: what is done with what they hold (`nightmail`).
"""
