"""The store: PostgreSQL's tables, connections, migrations, partitions, backups and states.

What belongs here: what all rooms need of the database. What does not: queries, which are in the ``queries.py`` of the room
that asks. Bulk goes by COPY, never row by row. Alembic (0.2 s) and the pip-installed server's package are imported inside
functions: a command that does not migrate or start anything does not pay for them.
"""
