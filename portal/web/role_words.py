"""What a role is called: a ready-made one in the reader's language, a team's own one as the team wrote it."""

from __future__ import annotations

from nightmail.access.grants import GrantRow
from nightmail.access.roles import RoleRow
from portal.web.translating import gettext


def role_title(role: RoleRow | GrantRow) -> str:
    """The title, as plain text: what a team wrote never goes through a catalogue, whose texts are taken for markup."""
    return gettext(role.title) if role.ready_made else role.title


def role_description(role: RoleRow) -> str:
    """The description, likewise."""
    return gettext(role.description) if role.ready_made else role.description
