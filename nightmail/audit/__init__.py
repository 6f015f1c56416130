"""Audit: who did what, when, from where. Entries are only ever added; retention deletes them by whole months.

What belongs here: writing an entry, the seals that show a missing or changed one, reading and handing out the log. What
does not: the decision that something is worth an entry, which is made by the room where it happens.

>>> write_entry(connection, actor="person:17", action="role.changed", subject="role:4", before={...}, after={...})
>>> record_look(connection, actor="person:17", subject=f"contact:{address_hash}", team_id=3, shown=("address", "body"))
"""

from __future__ import annotations

from nightmail.audit.entries import Entry, write_entries, write_entry
from nightmail.audit.looks import record_look
from nightmail.audit.origins import acting_from

__all__ = ["Entry", "acting_from", "record_look", "write_entries", "write_entry"]
