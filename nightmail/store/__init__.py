"""The store: PostgreSQL tables, connections, migrations and partitions. Bulk goes by COPY, never row by row."""
