"""The bodies of one language: each text parsed, its placeholders noted, and what is to be said of it found."""

from __future__ import annotations

from typing import Any

from nightmail.channels import CHANNELS, BodyKind, Channel
from nightmail.templates.environments import Markup
from nightmail.templates.errors import TemplateError
from nightmail.templates.findings import Finding, findings_in
from nightmail.templates.language import least_characters, parse_body, text_markup
from nightmail.templates.model import Bodies, Body, EmailBody
from nightmail.templates.plain_text import TextPartError, text_of_html
from nightmail.templates.voice_reading import read_voice
from nightmail.templates.yaml_nodes import NodeReader, Text


class BodyReader:
    """Reads the bodies of a template, language by language, and gathers what they use and what was found in them."""

    def __init__(self, reader: NodeReader) -> None:
        self._reader = reader
        self.used: dict[tuple[str, str], frozenset[str]] = {}
        """The placeholders of each body, by language and channel."""
        self.needed: dict[tuple[str, str], frozenset[str]] = {}
        """Those of :attr:`used` whose value may not be empty."""
        self.findings: list[Finding] = []

    def bodies(self, value: Any, language: str) -> Bodies:
        """The bodies of a language. Raises :class:`TemplateError`."""
        reader = self._reader
        node = reader.mapping(value, language, tuple(CHANNELS))
        if not node:
            *others, last = CHANNELS
            raise reader.wrong("there is no body", language, value, None, f"Add {', '.join(others)} or {last}.")
        bodies: dict[str, Body] = {}
        for name, entry in node.items():
            channel = CHANNELS[name]
            where = f"{language}/{name}"
            if entry is None or (isinstance(entry, str) and not entry.strip()):
                raise reader.wrong("the body is empty", where, node, name, "Write a body, or remove the channel.")
            taking = _Taking(reader, language, channel)
            if channel.body is BodyKind.EMAIL:
                bodies[name] = self._email(entry, where, taking)
            elif channel.body is BodyKind.SPEECH:
                bodies[name] = read_voice(reader, entry, language, where, taking.take)
            else:
                text = reader.text(node, name, where)
                assert text is not None
                bodies[name] = taking.take(text, text_markup(channel), where)
            self.used[language, name] = frozenset(taking.used)
            self.needed[language, name] = frozenset(taking.needed)
            self.findings += taking.findings
        return Bodies(bodies)

    def _email(self, value: Any, where: str, taking: _Taking) -> EmailBody:
        reader = self._reader
        node = reader.mapping(value, where, ("subject", "html", "text"))
        subject = reader.text(node, "subject", where)
        if subject is None:
            raise reader.wrong("subject is missing", where, value, None, "Every email has a subject.")
        if "\n" in subject.strip():
            raise reader.wrong("the subject has more than one line", where, node, "subject")
        html, text = reader.text(node, "html", where), reader.text(node, "text", where)
        taking.take(subject, Markup.TEXT, f"{where}/subject")
        if html is not None:
            taking.take(html, Markup.HTML, f"{where}/html")
        if text is not None:
            taking.take(text, Markup.TEXT, f"{where}/text")
            plain = str(text)
        elif html is not None:
            plain = self._text_part(html, where, taking)
        else:
            raise reader.wrong("html or text is missing", where, value, None, "Add one of them, or both.")
        return EmailBody(subject=str(subject).strip(), html=None if html is None else str(html), text=plain)

    def _text_part(self, html: Text, where: str, taking: _Taking) -> str:
        line = self._reader.text_line(html)
        try:
            text = text_of_html(str(html))
        except TextPartError as problem:
            raise TemplateError(
                "no text part can be made of this HTML, since an if or a loop opens or closes tags halfway",
                "Put whole tags into each branch, or write the text part yourself: text.",
                where=f"{where}/html",
                line=None if line is None else line + problem.line - 1,
            ) from None
        parse_body(text, taking.language, Markup.TEXT, where=f"{where}/html")
        return text


class _Taking:
    """Parses the texts of one body and gathers what they use."""

    def __init__(self, reader: NodeReader, language: str, channel: Channel) -> None:
        self.language = language
        self._reader = reader
        self._channel = channel
        self.used: set[str] = set()
        self.needed: set[str] = set()
        self.findings: list[Finding] = []

    def take(self, text: Text, markup: Markup, where: str) -> str:
        """Parse a text and note its names and findings; gives the text back. Raises :class:`TemplateError`."""
        line = self._reader.text_line(text)
        body = parse_body(str(text), self.language, markup, where=where, line=line)
        self.used |= body.used
        self.needed |= body.needed
        self.findings += findings_in(str(text), markup, where, line)
        least, limit = least_characters(body.tree), self._channel.most_characters
        if limit is not None and least > limit:
            raise self._reader.wrong(
                f"the text alone has {least:,} characters; the carrier takes {limit:,}",
                where,
                text,
                None,
                "Shorten it.",
            )
        return str(text)
