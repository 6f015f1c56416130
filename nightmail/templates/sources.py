"""The source texts of a template's bodies, one by one, for those who look through all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

from nightmail.channels import CHANNELS
from nightmail.templates.environments import Markup
from nightmail.templates.language import parse_body, text_markup
from nightmail.templates.model import EmailBody, Template, VoiceBody


@dataclass(frozen=True)
class BodySource:
    """One source text. ``part`` is its place within the body, such as ``html``; empty where the body is one text."""

    language: str
    channel: str
    part: str
    source: str
    markup: Markup

    @property
    def where(self) -> str:
        """The place in the template, as errors name it: ``en/email/html``."""
        return "/".join(filter(None, (self.language, self.channel, self.part)))


def body_sources(template: Template) -> Iterator[BodySource]:
    """Yield every source text of a template, by language and channel."""
    for language, bodies in template.languages.items():
        for channel in bodies.channels():
            body = bodies.by_channel[channel]
            for part, source, markup in _parts(body, channel):
                yield BodySource(language, channel, part, source, markup)


def _parts(body: str | EmailBody | VoiceBody, channel: str) -> Iterator[tuple[str, str, Markup]]:
    if isinstance(body, str):
        yield "", body, text_markup(CHANNELS[channel])
    elif isinstance(body, EmailBody):
        yield "subject", body.subject, Markup.TEXT
        yield "text", body.text, Markup.TEXT
        if body.html is not None:
            yield "html", body.html, Markup.HTML
    else:
        question = None if body.question is None else body.question.prompt
        for part, source in (("say", body.say), ("question/prompt", question), ("repeat", body.repeat_prompt)):
            if source is not None:
                yield part, source, Markup.XML


def prints_braces(template: Template) -> bool:
    """Whether a body prints ``{{`` or ``{%`` of its own, as ``raw`` lets it."""
    for body in body_sources(template):
        tree = parse_body(body.source, body.language, body.markup).tree
        texts = [data.data for data in tree.find_all(nodes.TemplateData)]
        texts += [str(const.value) for const in tree.find_all(nodes.Const)]
        if any("{" in text and ("{{" in text or "{%" in text or text.endswith("{")) for text in texts):
            return True
    return False
