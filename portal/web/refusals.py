"""What the domain refuses, as a form says it: the sentence with what to do, at the field that it is about."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.errors import NightmailError
from nightmail.reasons import Surface


def sentence_of(error: NightmailError) -> str:
    """What is wrong and what to do next."""
    return f"{error.message} {error.remedy_for(Surface.PAGE)}".strip()


def at_its_field(error: NightmailError, fields: Mapping[str, str]) -> dict[str, str]:
    """The sentence under the name of its field; ``fields`` are names by reasons, and any other is the form's as a whole."""
    return {fields.get(error.reason, ""): sentence_of(error)}
