"""A reason as it is kept with what it concerns: a campaign that was stopped, a file that was refused."""

from __future__ import annotations

from nightmail.reasons.registry import remedy, sentence


def stated_problem(code: str, /, **fields: object) -> dict[str, str]:
    """Return ``reason``, ``message`` and ``remedy`` of a code, its fields filled in.

    Raises ``KeyError`` for an unknown code or a missing field.
    """
    return {"reason": code, "message": sentence(code, **fields), "remedy": remedy(code, None, **fields)}
