"""What the entries of lists are called."""

from __future__ import annotations

from collections.abc import Mapping

from portal.web.translating import gettext, marked

_KINDS: Mapping[str, str] = {
    "contact": marked("Contact"),
    "group": marked("Group"),
    "segment": marked("Segment"),
    "list": marked("List"),
}


def kind_label(kind: str) -> str:
    """What an entry of a list is."""
    return gettext(_KINDS[kind]) if kind in _KINDS else kind
