"""Two versions of a template, compared part by part and word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from nightmail.templates.model import EmailBody, Placeholder, Template, VoiceBody

_WORDS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\w+|\s+|[^\w\s]", re.DOTALL)
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_MOST_WORDS = 3_000
"""Words of two texts beyond which they are compared line by line: the time grows with their square."""

PartKey = tuple[str, str, str]
"""Language, channel and part; of what belongs to no body, the first two are empty."""


class PieceKind(StrEnum):
    """What became of a piece of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words."""

    kind: PieceKind
    text: str


@dataclass(frozen=True, slots=True)
class ComparedPart:
    """One text of both versions. ``key`` is its language, channel and part; an absent text is ``None``."""

    key: PartKey
    before: str | None
    after: str | None
    pieces: tuple[Piece, ...]

    @property
    def changed(self) -> bool:
        """Whether the two differ."""
        return self.before != self.after


def compare_templates(before: Template, after: Template) -> list[ComparedPart]:
    """Every part that either version has, in the order of the later one; those that only the earlier one has come last."""
    old, new = dict(template_parts(before)), dict(template_parts(after))
    keys = [*new, *(key for key in old if key not in new)]
    return [
        ComparedPart(key, old.get(key), new.get(key), compare_texts(old.get(key) or "", new.get(key) or ""))
        for key in keys
    ]


def compare_texts(before: str, after: str) -> tuple[Piece, ...]:
    """The pieces of two texts: put together without the added ones they are ``before``, without the removed ones ``after``."""
    if before == after:
        return (Piece(PieceKind.SAME, after),) if after else ()
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > _MOST_WORDS:
        old, new = _LINES.findall(before), _LINES.findall(after)
    pieces: list[Piece] = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece(PieceKind.SAME, "".join(old[i:j])))
            continue
        if i < j:
            pieces.append(Piece(PieceKind.REMOVED, "".join(old[i:j])))
        if k < m:
            pieces.append(Piece(PieceKind.ADDED, "".join(new[k:m])))
    return tuple(pieces)


def template_parts(template: Template) -> Iterator[tuple[PartKey, str]]:
    """The texts that a template is made of, by what they are."""
    yield ("", "", "category"), template.category
    yield ("", "", "default_language"), template.default_language
    yield ("", "", "prefer"), "gsm7" if template.prefers_gsm7 else ""
    yield ("", "", "placeholders"), "\n".join(map(_written, template.placeholders.values()))
    for language, bodies in template.languages.items():
        for channel in bodies.channels():
            body = bodies.by_channel[channel]
            if isinstance(body, EmailBody):
                yield (language, channel, "subject"), body.subject
                yield (language, channel, "text"), body.text
                if body.html is not None:
                    yield (language, channel, "html"), body.html
            elif isinstance(body, VoiceBody):
                yield from (((language, channel, part), said) for part, said in _spoken(body))
            else:
                yield (language, channel, "text"), body


def _written(placeholder: Placeholder) -> str:
    said = [f"{placeholder.name}: {placeholder.type}"]
    if placeholder.max_length:
        said.append(f"max_length {placeholder.max_length}")
    if placeholder.currency or placeholder.currency_column:
        said.append(f"currency {placeholder.currency or placeholder.currency_column}")
    said += [f"fallback {language or '*'}: {value}" for language, value in placeholder.fallbacks.items()]
    return ", ".join(said)


def _spoken(body: VoiceBody) -> Iterator[tuple[str, str]]:
    if body.say is not None:
        yield "say", body.say
    if body.play is not None:
        yield "play", body.play
    if body.repeat_key is not None:
        yield "repeat", f"{body.repeat_key}: {body.repeat_prompt or ''}"
    if body.question is not None:
        yield "question", body.question.prompt
        for key, means in body.question.answers.items():
            yield f"key {key}", f"{means} {body.question.thanks.get(key, '')}".strip()
    if body.voice:
        yield "voice", body.voice
