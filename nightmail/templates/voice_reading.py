"""Bodies of calls: what is said or played, and what keys do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nightmail.templates.environments import Markup
from nightmail.templates.model import VoiceBody, VoiceQuestion
from nightmail.templates.placeholder_reading import has_tags
from nightmail.templates.speech import REPEAT_PROMPTS, spoken_language
from nightmail.templates.yaml_nodes import Node, NodeReader, Text

Take = Callable[[Text, Markup, str], str]
"""Parses a text of a body and notes its names: ``(text, markup, where)``; gives the text back."""

_KEYS = ("say", "play", "repeat", "repeat_key", "repeat_prompt", "question", "voice")
_PHONE_KEY = re.compile(r"[0-9*#]")


def read_voice(reader: NodeReader, value: Any, language: str, where: str, take: Take) -> VoiceBody:
    """The body of a call. Raises :class:`~nightmail.templates.errors.TemplateError`."""
    if isinstance(value, Text):
        node = Node(say=value)
        node.line = getattr(value, "line", 1)
    else:
        node = reader.mapping(value, where, _KEYS)
    say, play = _words(reader, node, language, where, value, take)
    repeat_key, repeat_prompt = _repeat(reader, node, language, where, take)
    question = _question(reader, node, where, repeat_key, take)
    voice = reader.text(node, "voice", where)
    if voice is not None and not re.fullmatch(r"[A-Za-z0-9.\-]{1,64}", voice):
        raise reader.wrong(
            f"{voice} is not the name of a voice", where, node, "voice", "Write it like Polly.Amy-Neural."
        )
    return VoiceBody(
        say=say,
        play=play,
        repeat_key=repeat_key,
        repeat_prompt=repeat_prompt,
        question=question,
        voice=None if voice is None else str(voice),
    )


def _words(
    reader: NodeReader, node: Node, language: str, where: str, value: Any, take: Take
) -> tuple[str | None, str | None]:
    """What is said and what is played: one of them."""
    say, play = reader.text(node, "say", where), reader.text(node, "play", where)
    if (say is None) == (play is None):
        raise reader.wrong("one of say and play is needed", where, value, None, "Give a text to say or a file to play.")
    if say is not None:
        take(say, Markup.XML, f"{where}/say")
        if spoken_language(language) is None:
            raise reader.wrong(
                f"the carrier has no voice for {language}", where, node, "say", "Use play with an audio file instead."
            )
        return str(say), None
    if not re.match(r"https?://[^\s<>\"{}]+$", play or ""):
        raise reader.wrong(
            "play must be the address of an audio file", where, node, "play", "Write https://.../message.wav or .mp3."
        )
    return None, str(play)


def _repeat(reader: NodeReader, node: Node, language: str, where: str, take: Take) -> tuple[str | None, str | None]:
    """The key that repeats the message, and what is said of it."""
    key, stated = reader.text(node, "repeat_key", where), reader.text(node, "repeat_prompt", where)
    if "repeat" in node:
        repeat = reader.mapping(node["repeat"], f"{where}/repeat", ("key", "prompt"))
        key, stated = reader.text(repeat, "key", where), reader.text(repeat, "prompt", where)
    if key is not None and not _PHONE_KEY.fullmatch(key):
        raise reader.wrong(
            f"{key} is not a key",
            where,
            node,
            "repeat" if "repeat" in node else "repeat_key",
            "Use one of 0-9, * and #.",
        )
    if stated is not None:
        take(stated, Markup.XML, f"{where}/repeat")
        return (None if key is None else str(key)), str(stated)
    if key is None:
        return None, None
    sentence = REPEAT_PROMPTS.get(language.split("-", maxsplit=1)[0].lower())
    if sentence is None:
        raise reader.wrong(
            f"there is no ready sentence for the repeat key in {language}",
            where,
            node,
            "repeat_key",
            'Write repeat: {key: "1", prompt: "..."}.',
        )
    return str(key), sentence.format(key=key)


def _question(reader: NodeReader, voice: Node, where: str, repeat_key: str | None, take: Take) -> VoiceQuestion | None:
    if "question" not in voice:
        return None
    where = f"{where}/question"
    node = reader.mapping(voice["question"], where, ("prompt", "answers"))
    prompt = reader.text(node, "prompt", where)
    if prompt is None:
        raise reader.wrong("prompt is missing", where, voice, "question", "Write what the listener is asked.")
    take(prompt, Markup.XML, f"{where}/prompt")
    answers: dict[str, str] = {}
    thanks: dict[str, str] = {}
    stated = reader.mapping(node.get("answers"), where)
    for key, entry in stated.items():
        if not _PHONE_KEY.fullmatch(key):
            raise reader.wrong(f"{key} is not a key", where, stated, key, "Use one of 0-9, * and #.")
        if key == repeat_key:
            raise reader.wrong(f"the key {key} already repeats the message", where, stated, key)
        if isinstance(entry, Node):
            reader.mapping(entry, where, ("means", "say"))
            means, say = reader.text(entry, "means", where), reader.text(entry, "say", where)
            if say is not None:
                if has_tags(say):
                    raise reader.wrong("the answer to a key cannot hold placeholders", where, stated, key)
                thanks[key] = str(say)
        else:
            means = reader.text(stated, key, where)
        if means is None:
            raise reader.wrong(f"the key {key} has no meaning", where, stated, key, 'Write "1": confirm.')
        answers[key] = str(means)
    if not answers:
        raise reader.wrong("there is no answer", where, voice, "question", 'Write answers: {"1": confirm}.')
    return VoiceQuestion(prompt=str(prompt), answers=answers, thanks=thanks)
