"""The store: PostgreSQL's tables, connections, migrations, partitions, backups and states.

What belongs here: what all rooms need of the database. What does not: queries, which are in the ``queries.py`` of the room
that asks. Bulk goes by COPY, never row by row. Alembic is imported inside functions: a command that only reads does not
pay for it.
"""
