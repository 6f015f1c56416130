"""The statement that writes the audit log; in the driver's own form, as senders have a connection of the driver's."""

from __future__ import annotations

# An entry belongs to the month in which it is written: the table is partitioned by it.
INSERT_ENTRY = """
insert into audit (month, actor, action, object, team_id, detail)
values (date_trunc('month', now() at time zone 'UTC')::date, %(actor)s, %(action)s, %(subject)s, %(team)s, %(detail)s::jsonb)
"""
