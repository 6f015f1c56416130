"""Permissions as pages show them: by the thing that they are about, each with what it lets somebody do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nightmail.access.permissions import PERMISSION_MEANINGS, Permission
from portal.web.translating import gettext, marked

GROUPS: Mapping[str, Sequence[str]] = {
    marked("Sending"): ("campaign", "message", "doubt", "file", "channel", "alert"),
    marked("Recipients"): ("contact", "list", "consent", "suppression", "reply", "erasure", "personal"),
    marked("Content and reports"): ("template", "feed", "report"),
    marked("Organisation"): ("team", "carrier", "price", "webhook", "pipeline"),
    marked("People and rights"): ("people", "role", "key", "login", "audit"),
}
"""The nouns of permissions, by the headings under which they stand."""


@dataclass(frozen=True)
class PermissionGroup:
    """Permissions under one heading."""

    label: str
    permissions: tuple[tuple[Permission, str], ...]
    """Each with what it lets somebody do."""


def permission_groups() -> tuple[PermissionGroup, ...]:
    """Every permission once, in the request's language."""
    return tuple(
        PermissionGroup(
            gettext(label),
            tuple((each, meaning_of(each)) for each in Permission if each.partition(".")[0] in nouns),
        )
        for label, nouns in GROUPS.items()
    )


def meaning_of(permission: Permission) -> str:
    """What a permission lets somebody do, in the request's language, with a capital letter."""
    meaning = gettext(PERMISSION_MEANINGS[permission]).replace("`", "")
    return meaning[:1].upper() + meaning[1:]
