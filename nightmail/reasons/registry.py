"""The registry of reasons: every code of every subject, with its sentence and remedy.

A code never changes its meaning once released. ``sentence`` may hold ``{value}`` and ``{column}`` and further named
fields; ``remedy`` says what to do next.
"""

from __future__ import annotations

from nightmail.reasons.access import ACCESS
from nightmail.reasons.approvals import APPROVALS
from nightmail.reasons.audit import AUDIT
from nightmail.reasons.contacts import CONTACTS
from nightmail.reasons.decisions import DECISIONS
from nightmail.reasons.failures import FAILURES
from nightmail.reasons.files import FILES
from nightmail.reasons.holds import HOLDS
from nightmail.reasons.imports import IMPORTS
from nightmail.reasons.lists import LISTS
from nightmail.reasons.logins import LOGINS
from nightmail.reasons.machine import MACHINE
from nightmail.reasons.reason import Reason, Surface
from nightmail.reasons.requests import REQUESTS
from nightmail.reasons.row_decisions import ROW_DECISIONS
from nightmail.reasons.rows import ROWS
from nightmail.reasons.setup import SETUP
from nightmail.reasons.sftp import SFTP
from nightmail.reasons.templates import TEMPLATES
from nightmail.reasons.warnings import WARNINGS

_ENTRIES = (
    *FILES,
    *ROWS,
    *WARNINGS,
    *APPROVALS,
    *HOLDS,
    *FAILURES,
    *SETUP,
    *MACHINE,
    *SFTP,
    *REQUESTS,
    *LISTS,
    *CONTACTS,
    *IMPORTS,
    *DECISIONS,
    *ROW_DECISIONS,
    *ACCESS,
    *LOGINS,
    *AUDIT,
    *TEMPLATES,
)

REASONS: dict[str, Reason] = {entry.code: entry for entry in _ENTRIES}
"""Every reason by its code."""

if len(REASONS) != len(_ENTRIES):
    raise AssertionError("a reason code is defined twice")


def sentence(code: str, /, **fields: object) -> str:
    """The sentence of ``code`` with its fields filled in. Raises ``KeyError`` for an unknown code or a missing field."""
    return REASONS[code].sentence.format(**fields)


def remedy(code: str, surface: Surface | None = None, /, **fields: object) -> str:
    """What to do next about ``code``, as read on ``surface``, with its fields filled in.

    Raises ``KeyError`` like :func:`sentence`.
    """
    return REASONS[code].remedy_on(surface).format(**fields)


def explain(code: str, surface: Surface | None = None, /, **fields: object) -> str:
    """Sentence and remedy in one line, as result and reject files carry them."""
    return f"{sentence(code, **fields)} {remedy(code, surface, **fields)}"
