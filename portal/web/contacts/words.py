"""What the pages of the address book call things: fields, kinds of addresses, changes and where they came from."""

from __future__ import annotations

from collections.abc import Mapping

from portal.web.segments.words import FIELDS
from portal.web.translating import gettext, marked

KINDS: Mapping[str, str] = {
    "phone": marked("Mobile number"),
    "landline": marked("Landline number"),
    "email": marked("Email address"),
}
_ACTIONS: Mapping[str, str] = {
    "made": marked("Added"),
    "changed": marked("Changed"),
    "removed": marked("Removed"),
    "restored": marked("Brought back"),
    "tagged": marked("Tagged"),
    "untagged": marked("Tag taken away"),
    "noted": marked("Note written"),
    "note_removed": marked("Note taken away"),
    "merged": marked("Merged with another contact"),
    "merge_undone": marked("Merge taken back"),
    "erased": marked("Erased"),
}
_SOURCES: Mapping[str, str] = {
    "person": marked("by hand"),
    "api": marked("by the API"),
    "command": marked("by a command"),
    "merge": marked("by a merge"),
    "import": marked("by an import"),
    "recipient": marked("by themselves"),
}
_FURTHER: Mapping[str, str] = {
    "phones": marked("Mobile numbers"),
    "landlines": marked("Landline numbers"),
    "emails": marked("Email addresses"),
    "tags": marked("Tags"),
    "further_phones": marked("Further mobile numbers"),
    "further_landlines": marked("Further landline numbers"),
    "further_emails": marked("Further email addresses"),
    "further_addresses": marked("Further addresses"),
    "channels": marked("Channels, in order"),
    "topics_in": marked("Wanted topics"),
    "topics_out": marked("Unwanted topics"),
    "quiet_from": marked("Quiet from"),
    "quiet_until": marked("Quiet until"),
    "paused_until": marked("Paused until"),
}
ADDRESS_FIELDS = frozenset({"phone", "phone_2", "landline", "email", "phones", "landlines", "emails"})


def field_label(name: str) -> str:
    """A field of a contact; an attribute as it is named."""
    label = FIELDS.get(name) or _FURTHER.get(name)
    return gettext(label) if label else name


def action_label(action: str) -> str:
    """What was done to a contact."""
    return gettext(_ACTIONS[action]) if action in _ACTIONS else action


def source_label(source: str) -> str:
    """Where a value or a change came from."""
    kind, _, number = source.partition(":")
    label = gettext(_SOURCES[kind]) if kind in _SOURCES else kind
    return f"{label} {number}".strip()


def kind_choices() -> list[tuple[str, str]]:
    """The kinds of addresses, to choose from."""
    return [(kind, gettext(label)) for kind, label in KINDS.items()]
