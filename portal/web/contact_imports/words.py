"""What imports are called: their modes, how far they are, and the columns of their files."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.contacts.import_rows import ImportRow
from portal.web.translating import gettext, marked

_MODES: Mapping[str, tuple[str, str]] = {
    "add": (marked("Add"), marked("Who is new is added; who is known stays as they are.")),
    "update": (marked("Update"), marked("Who is new is added; of who is known the filled cells are taken.")),
    "replace": (
        marked("Replace"),
        marked(
            "The address book becomes what the file says: empty cells empty fields, and who is not in it is removed."
        ),
    ),
    "remove": (marked("Remove"), marked("Who is in the file is removed.")),
}
_STATES: Mapping[str, tuple[str, str]] = {
    "received": (marked("Being looked at"), "info"),
    "checked": (marked("Not applied yet"), "warn"),
    "applying": (marked("Being applied"), "info"),
    "applied": (marked("Applied"), "good"),
    "undoing": (marked("Being taken back"), "info"),
    "undone": (marked("Taken back"), "mute"),
    "discarded": (marked("Dropped"), "mute"),
    "refused": (marked("Not taken"), "bad"),
}
_MOVING: Mapping[str, str] = {
    "received": marked("Every row is looked at. Nothing changes before somebody says so."),
    "applying": marked("All of it comes at once, or nothing."),
    "undoing": marked("Everybody gets the values from before."),
}
_SAMPLES: Mapping[str, str] = {
    "new": marked("New, for example"),
    "changed": marked("Changed, for example"),
    "removed": marked("Removed, for example"),
}
_COLUMNS: Mapping[str, str] = {
    "external_id": marked("your own number of the person, by which the row finds its contact"),
    "phone": marked("a mobile number, in any spelling"),
    "phone_2": marked("a second one"),
    "landline": marked("a landline number"),
    "email": marked("an email address"),
    "language": marked("such as en, de or pt-BR"),
    "country": marked("two letters, or its name"),
    "time_zone": marked("such as Europe/Berlin"),
    "birth_date": marked("a day"),
    "tags": marked("tags, with commas between"),
    "further_phones": marked("further mobile numbers, with commas between"),
    "further_landlines": marked("further landline numbers, with commas between"),
    "further_emails": marked("further email addresses, with commas between"),
}


def mode_label(mode: str) -> str:
    """What a mode is called."""
    return gettext(_MODES[mode][0]) if mode in _MODES else mode


def kind_label(row: ImportRow) -> str:
    """What an import does: its mode, or that it says what contacts chose."""
    return gettext("What contacts chose") if row.kind == "preferences" else mode_label(row.mode)


def moving_words(row: ImportRow) -> str:
    """What is going on with an import."""
    return gettext(_MOVING[row.state]) if row.state in _MOVING else ""


def mode_choices() -> list[tuple[str, str, str]]:
    """The modes, each with what it does."""
    return [(mode, gettext(label), gettext(meaning)) for mode, (label, meaning) in _MODES.items()]


def state_words(row: ImportRow) -> tuple[str, str]:
    """How far an import is, and the tone of its badge."""
    label, tone = _STATES.get(row.state, (row.state, "mute"))
    return gettext(label), tone


def sample_title(what: str) -> str:
    """What sample rows show."""
    return gettext(_SAMPLES[what]) if what in _SAMPLES else what


def column_words() -> list[tuple[str, str]]:
    """The columns that files have, each with what it holds."""
    return [(name, gettext(meaning)) for name, meaning in _COLUMNS.items()]
