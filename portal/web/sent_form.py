"""What a browser sent with a form: texts by their names, trimmed and without signs that no text has.

Fields are never taken by FastAPI's own ``Form``: a missing one would be answered by a program's error, where a page shows the form again
and says what is missing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

MOST_CHARACTERS = 20_000
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class SentForm:
    """A form's fields, each with the values that it came with, and its files."""

    fields: Mapping[str, Sequence[str]]
    files: Mapping[str, UploadFile]

    def value(self, name: str, limit: int = MOST_CHARACTERS) -> str:
        """The trimmed first value of a field, at most ``limit`` characters; empty when the field did not come."""
        values = self.fields.get(name, ())
        return values[0].strip()[:limit] if values else ""

    def secret(self, name: str) -> str:
        """The value of a field as it was typed: of a password every sign counts."""
        values = self.fields.get(name, ())
        return values[0] if values else ""

    def values(self, name: str) -> list[str]:
        """All values of a field that may come several times, such as ticks."""
        return [value.strip() for value in self.fields.get(name, ())]

    def ticked(self, name: str) -> bool:
        """Whether a single tick was set."""
        return bool(self.fields.get(name))

    def number(self, name: str) -> int | None:
        """A whole number that was typed; ``None`` when there is none or it is something else."""
        typed = self.value(name, 20)
        return int(typed) if re.fullmatch(r"-?[0-9]{1,18}", typed) else None

    def as_typed(self) -> dict[str, str]:
        """The first value of each field but ``csrf``, to be shown again beside an error."""
        return {name: values[0] for name, values in self.fields.items() if values and name != "csrf"}


async def sent_form(request: Request) -> SentForm:
    """The form of this request; empty for a request without one."""
    fields: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, UploadFile):
            files[name] = value
        else:
            text = unicodedata.normalize("NFC", value).replace("\r\n", "\n")
            fields.setdefault(name, []).append(_UNSEEN.sub("", text)[:MOST_CHARACTERS])
    return SentForm(fields, files)


FormSent = Annotated[SentForm, Depends(sent_form)]
"""The form of a request, for a route's signature."""
