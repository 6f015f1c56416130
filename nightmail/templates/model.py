"""What a template is: bodies per language and channel, with placeholders that the contact file fills in.

Templates are values: made once by :func:`nightmail.templates.load_template`, never changed. ``content`` is the file's
structure as JSON-ready values, which is what the database keeps as a template's version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nightmail.channels import CHANNELS
from nightmail.row_checks.language_matching import choose_language, language_chain
from nightmail.templates.findings import Finding, Findings

SYSTEM_PLACEHOLDERS: Mapping[str, str] = {
    "message_id": "the message's own id",
    "unsubscribe_url": "a signed address at which the recipient opts out of the category",
    "preferences_url": "a signed address at which the recipient chooses what, how and when they are written to",
    "chat_url": "a signed address of the recipient's conversation page",
}
"""Placeholders that every body may use without a column: filled in by Nightmail, one value per message."""


class PlaceholderType(StrEnum):
    """What values of a placeholder are: decides how they are checked, compared and written in each language."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"


@dataclass(frozen=True)
class Placeholder:
    """One placeholder of a template.

    ``fallbacks`` maps a language (or ``""`` for any) to what stands in for an empty value. ``required`` is false where
    the template itself copes with an empty value (a fallback, ``default`` or an ``if``). ``currency`` is an ISO 4217
    code for money; ``currency_column`` names the column that holds it instead.
    """

    name: str
    type: PlaceholderType = PlaceholderType.TEXT
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    required: bool = True
    max_length: int | None = None
    currency: str | None = None
    currency_column: str | None = None

    def fallback(self, language: str) -> str | None:
        """What stands in for an empty value in ``language``: the language's own, its parents', else the general one."""
        for tag in language_chain(language):
            if tag in self.fallbacks:
                return self.fallbacks[tag]
        return self.fallbacks.get("")


@dataclass(frozen=True)
class EmailBody:
    """An email: ``subject`` and at least one of ``html`` and ``text``; a missing text part is made from the HTML."""

    subject: str
    html: str | None
    text: str


@dataclass(frozen=True)
class VoiceQuestion:
    """One question answered by a key: ``answers`` maps a key to what it means, ``thanks`` what is said to each key."""

    prompt: str
    answers: Mapping[str, str]
    thanks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class VoiceBody:
    """A call: ``say`` is spoken or ``play`` (address of an audio file) is played; then what keys do.

    ``repeat_prompt`` tells the listener of ``repeat_key``. ``voice`` is the carrier's name of a voice, empty for its
    default in the language.
    """

    say: str | None = None
    play: str | None = None
    repeat_key: str | None = None
    repeat_prompt: str | None = None
    question: VoiceQuestion | None = None
    voice: str | None = None


Body = str | EmailBody | VoiceBody
"""A body as a template keeps it. Which of the three it is, the channel's :class:`BodyKind` says."""


@dataclass(frozen=True)
class Bodies:
    """The bodies of one language."""

    by_channel: Mapping[str, Body]
    """By the channel's name. A plain text is a ``str``."""

    def channels(self) -> tuple[str, ...]:
        """The channels that have a body here, in the order of :data:`nightmail.channels.CHANNELS`."""
        return tuple(channel for channel in CHANNELS if channel in self.by_channel)


@dataclass(frozen=True)
class Template:
    """A template; see :func:`nightmail.templates.load_template` for its file.

    >>> template.channels
    ('sms', 'email')
    >>> template.languages_of("sms")
    ('en', 'fr')
    """

    name: str
    category: str
    category_kind: str
    """``service`` or ``marketing``."""
    default_language: str
    languages: Mapping[str, Bodies]
    placeholders: Mapping[str, Placeholder]
    """Every placeholder that any body uses, whether listed in the file or not; the system's own are not among them."""
    content: Mapping[str, Any]
    """The file's structure, JSON-ready."""
    prefers_gsm7: bool = False
    """Whether typographic characters in text messages are replaced where that keeps them in the GSM 7-bit alphabet."""
    findings: Findings = field(default_factory=Findings, compare=False)
    """What was noticed in the text of its bodies; not part of what makes two templates equal."""
    used_by_body: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Placeholders of each body, by language and channel."""
    needed_by_body: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """Those of :attr:`used_by_body` whose value may not be empty (before fallbacks)."""

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that have a body in at least one language."""
        return tuple(c for c in CHANNELS if any(c in bodies.channels() for bodies in self.languages.values()))

    def warnings(self, columns: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What is worth saying of the bodies' text, for a file with these columns."""
        names = (*self.placeholders, *columns)
        return tuple(self.findings.warnings(names, prefers_gsm7=self.prefers_gsm7))

    def languages_of(self, channel: str) -> tuple[str, ...]:
        """The languages that have a body for ``channel``, the default language first."""
        having = [tag for tag, bodies in self.languages.items() if channel in bodies.channels()]
        return tuple(sorted(having, key=lambda tag: (tag != self.default_language, tag)))

    def language_for(self, language: str | None, channel: str) -> str | None:
        """The language in which a contact of ``language`` gets ``channel``: ``pt-BR``, else ``pt``, else the default's.

        ``None`` when there is no body in any of them.
        """
        return choose_language(language, self.languages_of(channel), self.default_language)

    def needs(
        self, channels: Iterable[str] | None = None, languages: Iterable[str] | None = None
    ) -> dict[str, Placeholder]:
        """The placeholders that bodies of these channels and languages use (all by default), by name.

        A row lacks something only if a placeholder is ``required`` here, its value is empty, and it has no fallback in
        the row's language. ``required`` is computed for just the bodies asked for.
        """
        wanted_channels = set(self.channels if channels is None else channels)
        wanted_languages = set(self.languages if languages is None else languages)
        used: set[str] = set()
        needed: set[str] = set()
        for (language, channel), names in self.used_by_body.items():
            if language in wanted_languages and channel in wanted_channels:
                used |= names
                needed |= self.needed_by_body[language, channel]
        return {
            name: Placeholder(
                **{
                    **{key: getattr(placeholder, key) for key in placeholder.__dataclass_fields__},
                    "required": name in needed,
                }
            )
            for name, placeholder in self.placeholders.items()
            if name in used
        }
