"""Templates from files: YAML with line numbers in every error, a bare text for SMS, a bare page for email.

.. code-block:: yaml

    name: invoice_due
    category: billing
    default_language: en
    placeholders:
      amount: {type: money, currency: EUR}
      first_name: {type: text, fallback: {en: customer, de: Kundin oder Kunde}, max_length: 40}
    languages:
      en:
        sms: "Dear {{ first_name }}, invoice {{ invoice_no }} of {{ amount }} is due on {{ due_date }}."
        email: {subject: "...", html: "...", text: "..."}
        voice:
          say: "..."
          repeat: {key: "1", prompt: "To hear this again, press 1."}
          question: {prompt: "...", answers: {"2": confirm, "3": {means: cancel, say: "We have cancelled it."}}}
        chat: "..."
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from nightmail.channels import CHANNELS, EMAIL, SMS, BodyKind
from nightmail.errors import UsageError
from nightmail.organisation.categories import kind_of_category
from nightmail.templates.environments import Markup
from nightmail.templates.errors import TemplateError
from nightmail.templates.language import ParsedBody, least_characters, parse_body, text_markup
from nightmail.templates.model import (
    SYSTEM_PLACEHOLDERS,
    Bodies,
    Body,
    EmailBody,
    Placeholder,
    PlaceholderType,
    Template,
    VoiceBody,
    VoiceQuestion,
)
from nightmail.templates.plain_text import TextPartError, text_of_html
from nightmail.templates.speech import REPEAT_PROMPTS, spoken_language
from nightmail.templates.unprintable import UNPRINTABLE

SAMPLE_TEMPLATES = Path(__file__).parent.parent.parent / "samples" / "templates"
"""The templates that are shipped."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_TEMPLATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_KEY = re.compile(r"[0-9*#]")
_FILE_CHARACTERS = 4 * 1024 * 1024


class _Text(str):
    """A scalar of the file that knows its line, and whether its text starts on the line after."""

    __slots__ = ("line", "text_line")
    line: int
    text_line: int


class _Node(dict[str, Any]):
    """A mapping of the file that knows its line and its keys' lines."""

    line = 1

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class _List(list[Any]):
    line = 1


def _compose(text: str) -> Any:
    """YAML as texts, mappings and lists with their lines. Values stay as written: ``no`` is Norwegian, not false."""
    for number, line in enumerate(text.splitlines(), 1):
        if UNPRINTABLE.search(line):
            raise TemplateError("the file holds a control character.", "Remove it.", where="template", line=number)
    loader = None
    try:
        try:
            loader = yaml.BaseLoader(text)
            node = loader.get_single_node()
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            raise TemplateError(
                f"the file is not YAML: {problem.problem or problem.context}.",
                "Put texts that hold a colon, braces or a # into quotes.",
                where="template",
                line=None if mark is None else mark.line + 1,
            ) from None
        except (yaml.YAMLError, RecursionError) as problem:
            raise TemplateError(f"the file is not YAML: {' '.join(str(problem).split())}.", where="template") from None
        return _value(node, set())
    finally:
        if loader is not None:
            loader.dispose()


def _value(node: yaml.Node | None, seen: set[int], key_line: int | None = None) -> Any:
    if node is None:
        return None
    line = key_line or node.start_mark.line + 1
    if id(node) in seen:
        raise TemplateError("anchors and aliases (& and *) are not available.", where="template", line=line)
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        text = _Text(node.value)
        text.line = line
        start = node.start_mark.line + 1
        text.text_line = start + 1 if node.style in ("|", ">") else start
        return text
    if isinstance(node, yaml.SequenceNode):
        items = _List(_value(item, seen) for item in node.value)
        items.line = line
        return items
    assert isinstance(node, yaml.MappingNode)
    mapping = _Node()
    mapping.line = line
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise TemplateError("a key must be a plain text.", where="template", line=key_line)
        key = str(key_node.value)
        if key in mapping:
            raise TemplateError(f"{key} stands twice.", where="template", line=key_line)
        mapping[key] = _value(value_node, seen, key_line)
        mapping.lines[key] = key_line
    return mapping


def _plain(value: Any) -> Any:
    """The structure as ordinary JSON-ready values."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if value is None else str(value)


def _with_lines(value: Any) -> Any:
    """JSON-ready values (a template's ``content`` from the database) in the form that the reader wants, without lines."""
    if isinstance(value, Mapping):
        mapping = _Node()
        for key, entry in value.items():
            mapping[str(key)] = _with_lines(entry)
        return mapping
    if isinstance(value, (list, tuple)):
        return _List(_with_lines(entry) for entry in value)
    if value is None:
        return None
    if isinstance(value, bool):
        return _Text("true" if value else "false")
    if UNPRINTABLE.search(str(value)):
        raise TemplateError("a text holds a control character.", "Remove it.", where="template")
    return _Text(value)


def _line_of(value: Any) -> int | None:
    return getattr(value, "line", None)


@dataclass
class _Reader:
    """Walks the file's structure; every refusal names the place and the line."""

    lines_known: bool

    def line(self, value: Any, key: str | None = None) -> int | None:
        if not self.lines_known:
            return None
        if key is not None and isinstance(value, _Node):
            return value.lines.get(key, value.line)
        return _line_of(value)

    def wrong(
        self, message: str, where: str, value: Any = None, key: str | None = None, remedy: str = ""
    ) -> TemplateError:
        return TemplateError(message, remedy, where=where, line=self.line(value, key))

    def mapping(self, value: Any, where: str, allowed: tuple[str, ...] | None = None) -> _Node:
        if not isinstance(value, _Node):
            raise self.wrong("a mapping (key: value) is expected here.", where, value)
        if allowed is not None:
            for key in value:
                if key not in allowed:
                    raise self.wrong(f"there is no key {key} here.", where, value, key, f"Use {', '.join(allowed)}.")
        return value

    def text(self, node: _Node, key: str, where: str) -> _Text | None:
        value = node.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, _Text):
            raise self.wrong(
                f"{key} must be a text.", where, node, key, "Put it into quotes: a text that starts with {{ needs them."
            )
        return value

    def body(self, text: _Text, language: str, markup: Markup, where: str) -> ParsedBody:
        line = text.text_line if self.lines_known else None
        return parse_body(str(text), language, markup, where=where, line=line)


def load_template(source: Path | str | Mapping[str, Any], *, name: str | None = None) -> Template:
    """A template from a file, from the text of one, or from a structure as :attr:`Template.content` keeps it.

    A ``Path`` ending in ``.txt`` is an SMS body and one ending in ``.html`` an email (its ``<title>`` is the subject);
    both are of the category ``service`` and in English (``name.de.txt`` is in German). Raises :class:`TemplateError`,
    which names body and line, and says what to write instead.
    """
    if isinstance(source, Mapping):
        return _read(_with_lines(source), name or "template", lines_known=False)
    if isinstance(source, Path):
        text = _file_text(source)
        if source.suffix.lower() in (".txt", ".html", ".htm"):
            return _bare(source, text)
        return _read(_compose(text), name or source.stem, lines_known=True)
    return _read(_compose(source), name or "template", lines_known=True)


def stored_template(content: Mapping[str, Any] | None) -> Template:
    """A template as the database keeps it. It is read once in a process: each stage of a run and each call asks anew.

    Raises what :func:`load_template` does.
    """
    return _of_json(json.dumps(content or {}))


@lru_cache(maxsize=16)
def _of_json(content: str) -> Template:
    return load_template(json.loads(content))


def find_template(asked: str, folders: tuple[Path, ...] = (SAMPLE_TEMPLATES,)) -> Template:
    """A template by what a person types: a file's path, or the name of one in ``folders``.

    Raises :class:`UsageError` (``template_unknown``) with the names there are.
    """
    path = Path(asked)
    if path.suffix.lower() in (".yaml", ".yml", ".txt", ".html", ".htm", ".json"):
        if not path.is_file():
            raise UsageError("template_unknown", f"There is no file {asked}.", "Check the path.", value=asked)
        return load_template(path)
    for folder in folders:
        for ending in (".yaml", ".yml"):
            if _NAME.fullmatch(asked) and (folder / f"{asked}{ending}").is_file():
                return load_template(folder / f"{asked}{ending}")
    known = sample_names(folders)
    raise UsageError(
        "template_unknown",
        f"There is no template {asked}.",
        f"Use one of: {', '.join(known)}; or the path of a .yaml, .txt or .html file.",
        value=asked,
        known=list(known),
    )


def sample_names(folders: tuple[Path, ...] = (SAMPLE_TEMPLATES,)) -> tuple[str, ...]:
    """The names of the templates in ``folders``, sorted."""
    return tuple(sorted({path.stem for folder in folders for path in folder.glob("*.y*ml")}))


def _file_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise TemplateError(f"the file {path.name} cannot be read: {problem.strerror}.", "Check the path.") from None
    if len(data) > _FILE_CHARACTERS:
        raise TemplateError(f"the file {path.name} has {len(data):,} bytes; the limit is {_FILE_CHARACTERS:,}.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise TemplateError("the file is not UTF-8.", "Save it as UTF-8.", where=path.name, line=line) from None


def _bare(path: Path, text: str) -> Template:
    stem, _, tag = path.stem.rpartition(".")
    language = tag if stem and _LANGUAGE.fullmatch(tag) else "en"
    base = re.sub(r"[^a-z0-9_]+", "_", (stem if stem and language == tag else path.stem).lower()).strip("_")
    name = base if _TEMPLATE_NAME.fullmatch(base) else f"template_{base}"[:64]
    if not text.strip():
        raise TemplateError("the file is empty.", "Write the body into it.", where=path.name)
    body = _Text(text.rstrip("\r\n"))
    body.line = body.text_line = 1
    bodies = _Node()
    if path.suffix.lower() == ".txt":
        bodies[SMS.name] = body
    else:
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        if title is None or not title[1].strip():
            raise TemplateError(
                "the page has no title.", "Add <title>...</title>: it becomes the email's subject.", where=path.name
            )
        from html import unescape

        subject = _Text(" ".join(unescape(title[1]).split()))
        subject.line = subject.text_line = text[: title.start(1)].count("\n") + 1
        email = _Node()
        email.update(subject=subject, html=body)
        bodies[EMAIL.name] = email
    languages = _Node()
    languages[language] = bodies
    root = _Node()
    root.update(name=_with_lines(name), category=_with_lines("service"), default_language=_with_lines(language))
    root["languages"] = languages
    return _read(root, name, lines_known=True)


_ROOT_KEYS = ("name", "category", "category_kind", "default_language", "placeholders", "languages", "description")


def _read(root: Any, default_name: str, *, lines_known: bool) -> Template:
    reader = _Reader(lines_known)
    if root is None:
        raise TemplateError("the file is empty.", "samples/templates shows what a template holds.", where="template")
    root = reader.mapping(_in_one_language(reader, reader.mapping(root, "template")), "template", _ROOT_KEYS)
    name = str(reader.text(root, "name", "template") or default_name)
    if not _TEMPLATE_NAME.fullmatch(name):
        raise reader.wrong(
            f"{name!r} is not a name.", "name", root, "name", "Use letters, digits, _ and -, beginning with a letter."
        )
    category = str(reader.text(root, "category", "template") or "service")
    stated_kind = reader.text(root, "category_kind", "template")
    if stated_kind is not None and stated_kind not in ("service", "marketing"):
        raise reader.wrong(
            f"there is no kind {stated_kind}.", "category_kind", root, "category_kind", "Use service or marketing."
        )
    if stated_kind is None:
        try:
            kind_of_category(category)
        except UsageError as problem:
            raise reader.wrong(problem.message, "category", root, "category", problem.remedy) from None
    kind = kind_of_category(category, None if stated_kind is None else str(stated_kind))
    if "languages" not in root:
        raise reader.wrong("languages is missing.", "template", root, None, "Add languages: {en: {sms: ...}}.")
    bodies_by_language = reader.mapping(root["languages"], "languages")
    if not bodies_by_language:
        raise reader.wrong("there is no language.", "languages", root, "languages", "Add en: {sms: ...}.")
    placeholders = _placeholders(reader, root)
    languages: dict[str, Bodies] = {}
    parsed: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {}
    for language, value in bodies_by_language.items():
        if not _LANGUAGE.fullmatch(language):
            raise reader.wrong(
                f"{language!r} is not a language tag.",
                "languages",
                bodies_by_language,
                language,
                "Use tags such as en or pt-BR.",
            )
        languages[language] = _bodies(reader, value, language, parsed)
    default_language = _default_language(reader, root, languages)
    used = frozenset().union(*(names for names, _ in parsed.values())) - SYSTEM_PLACEHOLDERS.keys()
    for listed in placeholders:
        if listed in SYSTEM_PLACEHOLDERS:
            raise reader.wrong(
                f"{listed} is filled in by Nightmail and cannot be listed.",
                "placeholders",
                root.get("placeholders"),
                listed,
            )
    every = {name_: placeholders.get(name_, Placeholder(name_)) for name_ in sorted(used | placeholders.keys())}
    needed = frozenset().union(*(names for _, names in parsed.values()))
    for entry in tuple(every.values()):
        if entry.required and entry.name not in needed:
            every[entry.name] = _replace(entry, required=False)
    return Template(
        name=name,
        category=category,
        category_kind=kind,
        default_language=default_language,
        languages=languages,
        placeholders=every,
        content=json.loads(json.dumps(_plain(root))),
        used_by_body={key: names - SYSTEM_PLACEHOLDERS.keys() for key, (names, _) in parsed.items()},
        needed_by_body={
            key: frozenset(n for n in names if n in every and every[n].required) for key, (_, names) in parsed.items()
        },
    )


def _in_one_language(reader: _Reader, root: _Node) -> _Node:
    """Bodies that stand beside ``name``, without ``languages``, are in ``default_language``, else in English."""
    channels = [channel for channel in CHANNELS if channel in root]
    if "languages" in root or not channels:
        return root
    bodies, languages = _Node(), _Node()
    bodies.line = languages.line = root.line
    for channel in channels:
        bodies[channel] = root.pop(channel)
        bodies.lines[channel] = root.lines.get(channel, root.line)
    languages[str(reader.text(root, "default_language", "template") or "en")] = bodies
    root["languages"] = languages
    return root


def _replace(placeholder: Placeholder, **changes: Any) -> Placeholder:
    from dataclasses import replace

    return replace(placeholder, **changes)


def _default_language(reader: _Reader, root: _Node, languages: Mapping[str, Bodies]) -> str:
    stated = reader.text(root, "default_language", "template")
    if stated is None:
        if len(languages) == 1:
            return next(iter(languages))
        if "en" in languages:
            return "en"
        raise reader.wrong(
            "default_language is missing.", "template", root, None, f"Add default_language: {next(iter(languages))}."
        )
    if str(stated) not in languages:
        raise reader.wrong(
            f"there is no body in {stated}.",
            "default_language",
            root,
            "default_language",
            f"Use one of {', '.join(languages)}.",
        )
    return str(stated)


_PLACEHOLDER_KEYS = ("type", "fallback", "required", "max_length", "currency", "currency_column", "description")


def _placeholders(reader: _Reader, root: _Node) -> dict[str, Placeholder]:
    listed = root.get("placeholders")
    if listed is None or listed == "":
        return {}
    found: dict[str, Placeholder] = {}
    for name, value in reader.mapping(listed, "placeholders").items():
        where = f"placeholders/{name}"
        if not _NAME.fullmatch(name):
            raise reader.wrong(f"{name!r} is not a name.", where, listed, name, "Use letters, digits and _.")
        entry = _Node() if value is None or value == "" else value
        if isinstance(entry, _Text):
            short, entry = entry, _Node()
            entry["type"] = short
        reader.mapping(entry, where, _PLACEHOLDER_KEYS)
        stated_type = str(reader.text(entry, "type", where) or "text")
        if stated_type not in list(PlaceholderType):
            raise reader.wrong(
                f"there is no type {stated_type}.", where, listed, name, f"Use one of {', '.join(PlaceholderType)}."
            )
        fallbacks: dict[str, str] = {}
        fallback = entry.get("fallback")
        if isinstance(fallback, _Node):
            fallbacks = {tag: str(text or "") for tag, text in fallback.items()}
        elif fallback is not None:
            fallbacks = {"": str(fallback)}
        required = str(reader.text(entry, "required", where) or ("false" if fallbacks else "true")).lower()
        if required not in ("true", "false"):
            raise reader.wrong("required is true or false.", where, entry, "required")
        length = reader.text(entry, "max_length", where)
        if length is not None and not (str(length).isascii() and str(length).isdigit() and 0 < int(length) <= 100_000):
            raise reader.wrong("max_length is a number of characters.", where, entry, "max_length")
        currency = reader.text(entry, "currency", where)
        if currency is not None and not _CURRENCY.fullmatch(currency):
            raise reader.wrong(
                f"{currency} is not a currency.", where, entry, "currency", "Use three letters such as EUR."
            )
        currency_column = reader.text(entry, "currency_column", where)
        if stated_type != "money" and (currency or currency_column):
            raise reader.wrong("only money has a currency.", where, listed, name, "Set type: money.")
        found[name] = Placeholder(
            name=name,
            type=PlaceholderType(stated_type),
            fallbacks=fallbacks,
            required=required == "true",
            max_length=None if length is None else int(length),
            currency=None if currency is None else str(currency),
            currency_column=None if currency_column is None else str(currency_column),
        )
    return found


_Parsed = dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]


def _bodies(reader: _Reader, value: Any, language: str, parsed: _Parsed) -> Bodies:
    node = reader.mapping(value, language, tuple(CHANNELS))
    if not node:
        raise reader.wrong("there is no body.", language, value, None, f"Add {CHANNELS.choice()}.")
    bodies: dict[str, Body] = {}
    for name, entry in node.items():
        channel = CHANNELS[name]
        where = f"{language}/{name}"
        if entry is None or (isinstance(entry, str) and not entry.strip()):
            raise reader.wrong("the body is empty.", where, node, name, "Write a body, or remove the channel.")
        used: set[str] = set()
        needed: set[str] = set()

        def take(
            text: _Text,
            markup: Markup,
            part: str,
            used: set[str] = used,
            needed: set[str] = needed,
            limit: int | None = channel.most_characters,
        ) -> str:
            body = reader.body(text, language, markup, part)
            used |= body.used
            needed |= body.needed
            least = least_characters(body.tree)
            if limit is not None and least > limit:
                raise reader.wrong(
                    f"the text alone has {least:,} characters; the carrier takes {limit:,}.",
                    part,
                    text,
                    None,
                    "Shorten it.",
                )
            return str(text)

        if channel.body is BodyKind.EMAIL:
            bodies[name] = _email(reader, entry, where, take)
        elif channel.body is BodyKind.SPEECH:
            bodies[name] = _voice(reader, entry, language, where, take)
        else:
            text = reader.text(node, name, where)
            assert text is not None
            bodies[name] = take(text, text_markup(channel), where)
        parsed[language, name] = (frozenset(used), frozenset(needed))
    return Bodies(bodies)


def _email(reader: _Reader, value: Any, where: str, take: Any) -> EmailBody:
    node = reader.mapping(value, where, ("subject", "html", "text"))
    subject = reader.text(node, "subject", where)
    if subject is None:
        raise reader.wrong("subject is missing.", where, value, None, "Every email has a subject.")
    if "\n" in subject.strip():
        raise reader.wrong("the subject has more than one line.", where, node, "subject")
    html, text = reader.text(node, "html", where), reader.text(node, "text", where)
    if html is None and text is None:
        raise reader.wrong("html or text is missing.", where, value, None, "Add one of them, or both.")
    take(subject, Markup.TEXT, f"{where}/subject")
    if html is not None:
        take(html, Markup.HTML, f"{where}/html")
    if text is not None:
        take(text, Markup.TEXT, f"{where}/text")
        plain = str(text)
    else:
        assert html is not None
        plain = _text_part(reader, html, where)
    return EmailBody(subject=str(subject).strip(), html=None if html is None else str(html), text=plain)


def _text_part(reader: _Reader, html: _Text, where: str) -> str:
    try:
        return text_of_html(str(html))
    except TextPartError as problem:
        raise TemplateError(
            "no text part can be made of this HTML, since an if or a loop opens or closes tags halfway",
            "Put whole tags into each branch, or write the text part yourself: text.",
            where=f"{where}/html",
            line=html.text_line + problem.line - 1 if reader.lines_known else None,
        ) from None


_VOICE_KEYS = ("say", "play", "repeat", "repeat_key", "repeat_prompt", "question", "voice")


def _voice(reader: _Reader, value: Any, language: str, where: str, take: Any) -> VoiceBody:
    if isinstance(value, _Text):
        node = _Node()
        node.line = _line_of(value) or 1
        node["say"] = value
    else:
        node = reader.mapping(value, where, _VOICE_KEYS)
    say, play = reader.text(node, "say", where), reader.text(node, "play", where)
    if (say is None) == (play is None):
        raise reader.wrong(
            "one of say and play is needed.", where, value, None, "Give a text to say or a file to play."
        )
    if say is not None:
        take(say, Markup.XML, f"{where}/say")
        if spoken_language(language) is None:
            raise reader.wrong(
                f"the carrier has no voice for {language}.", where, node, "say", "Use play with an audio file instead."
            )
    elif not re.match(r"https?://[^\s<>\"]+$", play or ""):
        raise reader.wrong(
            "play must be the address of an audio file.", where, node, "play", "Write https://.../message.wav or .mp3."
        )
    repeat_key, repeat_prompt = reader.text(node, "repeat_key", where), reader.text(node, "repeat_prompt", where)
    if "repeat" in node:
        repeat = reader.mapping(node["repeat"], f"{where}/repeat", ("key", "prompt"))
        repeat_key, repeat_prompt = reader.text(repeat, "key", where), reader.text(repeat, "prompt", where)
    if repeat_key is not None and not _KEY.fullmatch(repeat_key):
        raise reader.wrong(
            f"{repeat_key} is not a key.",
            where,
            node,
            "repeat" if "repeat" in node else "repeat_key",
            "Use one of 0-9, * and #.",
        )
    prompt: str | None = None
    if repeat_prompt is not None:
        take(repeat_prompt, Markup.XML, f"{where}/repeat")
        prompt = str(repeat_prompt)
    elif repeat_key is not None:
        sentence = REPEAT_PROMPTS.get(language.split("-", maxsplit=1)[0].lower())
        if sentence is None:
            raise reader.wrong(
                f"there is no ready sentence for the repeat key in {language}.",
                where,
                node,
                "repeat_key",
                'Write repeat: {key: "1", prompt: "..."}.',
            )
        prompt = sentence.format(key=repeat_key)
    question = _question(reader, node, where, repeat_key, take)
    voice = reader.text(node, "voice", where)
    if voice is not None and not re.fullmatch(r"[A-Za-z0-9.\-]{1,64}", voice):
        raise reader.wrong(
            f"{voice} is not the name of a voice.", where, node, "voice", "Write it like Polly.Amy-Neural."
        )
    return VoiceBody(
        say=None if say is None else str(say),
        play=None if play is None else str(play),
        repeat_key=None if repeat_key is None else str(repeat_key),
        repeat_prompt=prompt,
        question=question,
        voice=None if voice is None else str(voice),
    )


def _question(reader: _Reader, voice: _Node, where: str, repeat_key: str | None, take: Any) -> VoiceQuestion | None:
    if "question" not in voice:
        return None
    where = f"{where}/question"
    node = reader.mapping(voice["question"], where, ("prompt", "answers"))
    prompt = reader.text(node, "prompt", where)
    if prompt is None:
        raise reader.wrong("prompt is missing.", where, voice, "question", "Write what the listener is asked.")
    take(prompt, Markup.XML, f"{where}/prompt")
    answers: dict[str, str] = {}
    thanks: dict[str, str] = {}
    stated = reader.mapping(node.get("answers"), where)
    for key, entry in stated.items():
        if not _KEY.fullmatch(key):
            raise reader.wrong(f"{key} is not a key.", where, stated, key, "Use one of 0-9, * and #.")
        if key == repeat_key:
            raise reader.wrong(f"the key {key} already repeats the message.", where, stated, key)
        if isinstance(entry, _Node):
            reader.mapping(entry, where, ("means", "say"))
            means, say = reader.text(entry, "means", where), reader.text(entry, "say", where)
            if say is not None:
                if "{{" in say or "{%" in say:
                    raise reader.wrong("what is said to a key cannot hold placeholders.", where, stated, key)
                thanks[key] = str(say)
        else:
            means = reader.text(stated, key, where)
        if means is None:
            raise reader.wrong(f"the key {key} has no meaning.", where, stated, key, 'Write "1": confirm.')
        answers[key] = str(means)
    if not answers:
        raise reader.wrong("there is no answer.", where, voice, "question", 'Write answers: {"1": confirm}.')
    return VoiceQuestion(prompt=str(prompt), answers=answers, thanks=thanks)
