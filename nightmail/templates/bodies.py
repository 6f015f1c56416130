"""Bodies made ready for rendering: each channel's texts compiled once per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import nodes

from nightmail.channels import CHANNELS
from nightmail.templates.columns import CompiledText
from nightmail.templates.environments import BodyEnvironment, Markup, environment
from nightmail.templates.language import parse_body, text_markup
from nightmail.templates.model import EmailBody, Template, VoiceBody
from nightmail.templates.speech import frame, keys_address


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


def compile_bodies(
    template: Template, public_url: str, carriers: Mapping[str, str]
) -> dict[tuple[str, str], CompiledBody]:
    """Every body of a template, by language and channel."""
    compiled: dict[tuple[str, str], CompiledBody] = {}
    for language, bodies in template.languages.items():
        for name in bodies.channels():
            body = bodies.by_channel[name]
            if isinstance(body, VoiceBody):
                compiled[language, name] = _voice(name, body, language, keys_address(public_url, carriers.get(name)))
                continue
            if isinstance(body, EmailBody):
                sources = {"subject": (body.subject, Markup.TEXT), "body": (body.text, Markup.TEXT)}
                if body.html is not None:
                    sources["html"] = (body.html, Markup.HTML)
            else:
                sources = {"body": (body, text_markup(CHANNELS[name]))}
            compiled[language, name] = CompiledBody(
                language=language,
                channel=name,
                texts={part: _compile(source, language, markup) for part, (source, markup) in sources.items()},
                size=sum(len(source) for source, _ in sources.values()),
            )
    return compiled


def _compile(source: str, language: str, markup: Markup) -> CompiledText:
    parsed = parse_body(source, language, markup)
    return CompiledText(parsed.tree, environment(language, markup))


def _voice(channel: str, voice: VoiceBody, language: str, keys: str) -> CompiledBody:
    env = environment(language, Markup.XML)
    body: list[nodes.Node] = []
    markup = size = 0
    for kind, source in frame(voice, language, keys):
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
        channel=channel,
        texts={"body": CompiledText(tree, env)},
        size=size,
        frame_characters=markup,
        plays=voice.play is not None,
    )


def _bind(tree: nodes.Template, env: BodyEnvironment) -> None:
    tree.set_environment(env)
