"""What an import must not do unless somebody confirms it: a file that is cut off, or read wrongly, empties a book in a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nightmail.contacts.import_modes import ImportMode, ImportPlan
from nightmail.errors import NightmailError
from nightmail.reasons import REASONS

FROM_CONTACTS = 20
"""A book with fewer contacts than this is judged by nobody: all of it is seen at a glance."""
REMOVES_AT_MOST = 0.2
"""Share of the contacts that an import removes without being asked about."""
CHANGES_AT_MOST = 0.5
"""The same for contacts that it changes in another way than it was asked to by name: by ``replace``."""


def guard_of(plan: ImportPlan, known: int, unclear: int) -> NightmailError | None:
    """Why an import must be confirmed by somebody who has seen its preview; ``None`` where it need not be.

    ``known`` are the contacts of the team; ``unclear`` are rows of the file of which nobody can say whose they are.
    """
    removed = len(plan.removed)
    if plan.mode is ImportMode.REPLACE and removed and unclear:
        return _guard("import_rows_unclear", removed=removed, unclear=unclear)
    if known < FROM_CONTACTS:
        return None
    if removed > REMOVES_AT_MOST * known:
        return _guard("import_removes_many", removed=removed, known=known)
    changed = plan.counts()["changed"]
    if plan.mode is ImportMode.REPLACE and changed > CHANGES_AT_MOST * known:
        return _guard("import_changes_many", changed=changed, known=known)
    return None


def _guard(reason: str, **counts: int) -> NightmailError:
    return NightmailError(reason, facts=counts, **counts)


def guard_kept(waits_for: Mapping[str, Any]) -> NightmailError:
    """The error that an import waits for, from what is kept with it."""
    reason = str(waits_for["reason"])
    known = dict.fromkeys(REASONS[reason].fields, "-") | dict(waits_for.get("detail") or {})
    return NightmailError(reason, facts=waits_for.get("detail"), **known)
