"""Bodies made ready for rendering: each channel's texts compiled once per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

from nightmail.templates import speech
from nightmail.templates.columns import CompiledText
from nightmail.templates.language import BodyEnvironment, Markup, environment, parse_body
from nightmail.templates.model import Template, VoiceBody


@dataclass
class CompiledBody:
    """One language and channel. ``texts`` has ``body``, and for email ``subject`` and ``html``."""

    language: str
    channel: str
    texts: Mapping[str, CompiledText]
    size: int
    """Characters of all its sources: about what a message of it takes."""
    frame_characters: int = 0
    """Characters of a call's document that are not spoken."""
    plays: bool = False
    columnar: bool = True

    @property
    def names(self) -> frozenset[str]:
        """All placeholders, the system's own among them."""
        return frozenset().union(*(text.names for text in self.texts.values()))

    @property
    def main(self) -> CompiledText:
        """The text that counts of rendering go by."""
        return self.texts["body"]


def compile_bodies(template: Template, public_url: str) -> dict[tuple[str, str], CompiledBody]:
    """Every body of a template, by language and channel."""
    compiled: dict[tuple[str, str], CompiledBody] = {}
    for language, bodies in template.languages.items():
        for channel in bodies.channels():
            if channel == "voice":
                assert bodies.voice is not None
                compiled[language, channel] = _voice(bodies.voice, language, public_url)
                continue
            if channel == "email":
                assert bodies.email is not None
                email = bodies.email
                sources = {"subject": (email.subject, Markup.TEXT), "body": (email.text, Markup.TEXT)}
                if email.html is not None:
                    sources["html"] = (email.html, Markup.HTML)
            elif channel == "sms":
                sources = {"body": (bodies.sms or "", Markup.SMS)}
            else:
                sources = {"body": (bodies.chat or "", Markup.TEXT)}
            compiled[language, channel] = CompiledBody(
                language=language,
                channel=channel,
                texts={name: _compile(source, language, markup) for name, (source, markup) in sources.items()},
                size=sum(len(source) for source, _ in sources.values()),
            )
    return compiled


def _compile(source: str, language: str, markup: Markup) -> CompiledText:
    parsed = parse_body(source, language, markup)
    return CompiledText(parsed.tree, environment(language, markup))


def _voice(voice: VoiceBody, language: str, public_url: str) -> CompiledBody:
    env = environment(language, Markup.XML)
    body: list[nodes.Node] = []
    markup = size = 0
    for kind, source in speech.frame(voice, language, speech.keys_address(public_url)):
        size += len(source)
        if kind == "markup":
            markup += len(source)
            body.append(nodes.Output([nodes.TemplateData(source, lineno=1)], lineno=1))
        else:
            body += parse_body(source, language, Markup.XML).tree.body
    tree = nodes.Template(body, lineno=1)
    _bind(tree, env)
    return CompiledBody(
        language=language,
        channel="voice",
        texts={"body": CompiledText(tree, env)},
        size=size,
        frame_characters=markup,
        plays=voice.play is not None,
    )


def _bind(tree: nodes.Template, env: BodyEnvironment) -> None:
    tree.set_environment(env)
