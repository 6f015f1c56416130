"""Reasons: one code for every reject, hold, failure and warning, with a sentence and a remedy.

What belongs here: the codes and their sentences. What does not: the decision that a reason applies, which is made by the
room that raises it.
"""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface
from nightmail.reasons.registry import REASONS, explain, remedy, sentence

__all__ = ["REASONS", "Kind", "Reason", "Surface", "explain", "remedy", "sentence"]
