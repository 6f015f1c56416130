"""What is noticed in the text of a template's bodies: nothing that stops it from being read, but worth saying.

Placeholders in another tool's notation become an error where a placeholder or a column of the file has their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nightmail.reasons import remedy, sentence
from nightmail.templates.environments import Markup
from nightmail.templates.gsm7 import character_name, costly_characters, replacement
from nightmail.templates.notations import ForeignPlaceholder, foreign_placeholders, printed_texts


@dataclass(frozen=True)
class Finding:
    """Something noticed in a body: a reason of the registry with its fields, and where it stands."""

    reason: str
    where: str
    line: int | None
    fields: Mapping[str, Any]
    foreign: ForeignPlaceholder | None = None
    """The placeholder of another tool, if that is what was noticed."""
    character: str = ""
    """The character that costs, if that is what was noticed."""

    @property
    def channel(self) -> str:
        """The channel of the body."""
        return self.where.split("/")[1]

    @property
    def place(self) -> str:
        """Body and line, as the sentence begins with them."""
        at = f" (line {self.line})" if self.line is not None else ""
        return f"{self.where}{at}: "

    @property
    def message(self) -> str:
        """The sentence of the reason."""
        return sentence(self.reason, place=self.place, **self.fields)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return remedy(self.reason, None, place=self.place, **self.fields)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values: ``reason, message, remedy, where, line``."""
        return {
            "reason": self.reason,
            "message": self.message,
            "remedy": self.remedy,
            "where": self.where,
            "line": self.line,
        }


@dataclass(frozen=True)
class Findings:
    """All that was noticed in a template, in the order of its bodies."""

    entries: tuple[Finding, ...] = field(default=())

    def unfilled(self, names: Iterable[str]) -> Iterator[tuple[Finding, str]]:
        """Yield placeholders in another tool's notation that mean one of these placeholders or columns, with its name."""
        names = tuple(names)
        for entry in self.entries:
            meant = None if entry.foreign is None else entry.foreign.meant(names)
            if meant is not None:
                yield entry, meant

    def warnings(self, names: Iterable[str], *, prefers_gsm7: bool) -> Iterator[Finding]:
        """Yield the rest that is worth saying: what is ordinary text without such a name is not, nor what is replaced."""
        names = tuple(names)
        for entry in self.entries:
            if entry.foreign is not None and (entry.foreign.only_names or entry.foreign.meant(names)):
                continue
            if entry.character and prefers_gsm7 and replacement(entry.character) is not None:
                continue
            yield entry


def findings_in(source: str, markup: Markup, where: str, line: int | None) -> Iterator[Finding]:
    """Yield what is noticed in a body that was parsed without fault; ``line`` is the file's on which it starts."""
    for foreign in foreign_placeholders(source, markup):
        at = None if line is None else line + foreign.line - 1
        fields = {"text": foreign.text, "instead": instead_of(foreign)}
        yield Finding("template_foreign_placeholder", where, at, fields, foreign=foreign)
    if markup is Markup.SEGMENTS:
        yield from _costly(source, where, line)


def instead_of(foreign: ForeignPlaceholder) -> str:
    """How the placeholder is written in a body."""
    words = "_".join("".join(letter if letter.isalnum() else " " for letter in foreign.name).split())
    return f"{{{{ {words or 'name'} }}}}"


def _costly(source: str, where: str, line: int | None) -> Iterator[Finding]:
    texts = list(printed_texts(source, Markup.SEGMENTS))
    wanted = costly_characters("".join(text for _, text in texts))
    for character in wanted:
        at, text = next((at, text) for at, text in texts if character in text)
        found = at + text.count("\n", 0, text.index(character))
        plain = replacement(character)
        yield Finding(
            "template_costly_character",
            where,
            None if line is None else line + found - 1,
            {
                "character": character,
                "name": character_name(character),
                "advice": "Leave it out where the cost matters."
                if plain is None
                else f"Write {plain.strip() or 'a blank' if plain else 'nothing'} instead, "
                "or state prefer: gsm7 in the template.",
            },
            character=character,
        )
