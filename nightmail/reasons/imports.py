"""An import into the address book: rows that are refused, and why an import waits for a person or cannot be carried out."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason, Surface

_ALTHOUGH = "then apply it with `--although`, or drop it with `nightmail imports discard`."

IMPORTS = (
    Reason(
        "import_several_contacts",
        Kind.REJECT,
        "The row has no external_id, and its addresses are of more than one contact.",
        "Add the external_id of the contact that is meant.",
    ),
    Reason(
        "import_contact_twice",
        Kind.REJECT,
        "An earlier row of the file is of the same contact.",
        "Put all that is to be said of the contact into one row.",
    ),
    Reason(
        "import_removes_many",
        Kind.APPROVAL,
        "The import would remove {removed} of {known} contacts.",
        "See whether the file is whole and the mode is the one that is meant; then apply the import all the same, or discard it.",
        title="The import would remove a large share of the contacts.",
        on={Surface.SHELL: f"See whether the file is whole and the mode is the one that is meant; {_ALTHOUGH}"},
    ),
    Reason(
        "import_changes_many",
        Kind.APPROVAL,
        "The import would change {changed} of {known} contacts.",
        "See whether the columns hold what their names say; then apply the import all the same, or discard it.",
        title="The import would change a large share of the contacts.",
        on={Surface.SHELL: f"See whether the columns hold what their names say; {_ALTHOUGH}"},
    ),
    Reason(
        "import_rows_unclear",
        Kind.APPROVAL,
        "The import would remove {removed} contacts that the file does not name, and {unclear} of its rows cannot be read: they may be "
        "of some of these.",
        "Correct the rows and bring the file again; or apply the import all the same.",
        title="The import would remove contacts that rows which cannot be read may be of.",
    ),
    Reason(
        "import_refused",
        Kind.FILE,
        "The file cannot be used for an import: {problem}",
        "Correct the file and bring it again.",
        title="The file cannot be used for an import.",
    ),
    Reason(
        "import_unknown",
        Kind.REQUEST,
        "There is no import {number}.",
        "See the list of the team's imports.",
        title="There is no such import.",
        on={Surface.SHELL: "See `nightmail imports list`."},
    ),
    Reason(
        "import_mode_unknown",
        Kind.REQUEST,
        "{value} is no mode of an import.",
        "Use one of {known}.",
        title="That is no mode of an import.",
    ),
    Reason(
        "import_not_in_state",
        Kind.REQUEST,
        "The import {number} is {state}: it cannot be {wanted}.",
        "Look at the import; bring the file again where it is to be carried out once more.",
        title="The import is in a state in which that cannot be done.",
    ),
    Reason(
        "import_file_gone",
        Kind.REQUEST,
        "The file of the import {number} is kept no longer.",
        "Bring the file again.",
        title="The file of the import is kept no longer.",
    ),
    Reason(
        "import_book_changed",
        Kind.REQUEST,
        "The address book was changed by others while the import was carried out; nothing of it was kept.",
        "Try again.",
    ),
)
