"""Audit: who did what, when. Entries are only ever added; retention deletes them by whole months.

What belongs here: writing an entry, and the statement that does. What does not: the decision that something is worth an
entry, which is made by the room where it happens.
"""

from __future__ import annotations

from nightmail.audit.entries import Entry, write_entries, write_entry

__all__ = ["Entry", "write_entries", "write_entry"]
