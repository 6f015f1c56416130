"""What wakes the pipeline: files on SFTP, files from the API, campaigns falling due, receipts arriving, failures.

What belongs here: looking, and asking for runs. What does not: queries and decisions, which are functions of ``nightmail``.
"""
