"""Templates from files: YAML with line numbers in every error, a bare text for SMS, a bare page for email.

.. code-block:: yaml

    name: invoice_due
    category: billing
    default_language: en
    prefer: gsm7
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
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nightmail.channels import CHANNELS
from nightmail.organisation.categories import PREDEFINED_CATEGORIES, kind_of_category
from nightmail.templates.bare_files import BARE_ENDINGS, LANGUAGE, TEMPLATE_NAME, bare_structure, file_text
from nightmail.templates.body_reading import BodyReader
from nightmail.templates.errors import TemplateError
from nightmail.templates.findings import Findings
from nightmail.templates.model import SYSTEM_PLACEHOLDERS, Bodies, Placeholder, Template
from nightmail.templates.placeholder_reading import read_placeholders
from nightmail.templates.yaml_nodes import Node, NodeReader, compose, plain, with_lines

GSM7 = "gsm7"
"""The one value of ``prefer``."""

_ROOT_KEYS = (
    *("name", "category", "category_kind", "default_language", "prefer", "placeholders", "languages", "description"),
)


def load_template(source: Path | str | Mapping[str, Any], *, name: str | None = None) -> Template:
    """Read a template from a file, from the text of one, or from a structure as :attr:`Template.content` keeps it.

    A ``Path`` ending in ``.txt`` is an SMS body and one ending in ``.html`` an email (its ``<title>`` is the subject);
    both are of the category ``service`` and in English (``name.de.txt`` is in German). Raises :class:`TemplateError`,
    which names body and line, and says what to write instead.
    """
    template = _loaded(source, name)
    names = (*template.placeholders, *SYSTEM_PLACEHOLDERS)
    for finding, meant in template.findings.unfilled(names):
        raise TemplateError(
            f"{finding.fields['text']} is how another tool writes a placeholder; it would be sent as it stands",
            f"Write {{{{ {meant} }}}}, or put it into {{% raw %}} ... {{% endraw %}} if it is meant so.",
            where=finding.where,
            line=finding.line,
        )
    return template


def stored_template(content: Mapping[str, Any] | None) -> Template:
    """Read a template as the database keeps it, once in a process: each stage of a run and each call asks for it.

    Raises what :func:`load_template` does, but for placeholders of other tools: a version that was published before they
    were looked for goes on, and its campaigns are stopped by the contract of their files.
    """
    return _of_json(json.dumps(content or {}))


@lru_cache(maxsize=16)
def _of_json(content: str) -> Template:
    return _loaded(json.loads(content), None)


def _loaded(source: Path | str | Mapping[str, Any], name: str | None) -> Template:
    if isinstance(source, Mapping):
        return _read(with_lines(source), name or "template", lines_known=False)
    if isinstance(source, Path):
        text = file_text(source)
        if source.suffix.lower() in BARE_ENDINGS:
            return _read(bare_structure(source, text), "template", lines_known=True)
        return _read(compose(text), name or source.stem, lines_known=True)
    return _read(compose(source), name or "template", lines_known=True)


def _read(root: Any, default_name: str, *, lines_known: bool) -> Template:
    reader = NodeReader(lines_known=lines_known)
    if root is None:
        raise TemplateError("the file is empty", "samples/templates shows what a template holds.", where="template")
    root = reader.mapping(_in_one_language(reader, reader.mapping(root, "template")), "template", _ROOT_KEYS)
    name = str(reader.text(root, "name", "template") or default_name)
    if not TEMPLATE_NAME.fullmatch(name):
        raise reader.wrong(
            f"{name!r} is not a name", "name", root, "name", "Use letters, digits, _ and -, beginning with a letter."
        )
    category, kind = _category(reader, root)
    prefer = reader.text(root, "prefer", "template")
    if prefer is not None and prefer != GSM7:
        raise reader.wrong(f"{prefer} cannot be preferred", "prefer", root, "prefer", f"Use {GSM7}, or leave it out.")
    listed = read_placeholders(reader, root)
    bodies = BodyReader(reader)
    languages = _languages(reader, root, bodies)
    placeholders = _placeholders(listed, bodies)
    return Template(
        name=name,
        category=category,
        category_kind=kind,
        default_language=_default_language(reader, root, languages),
        languages=languages,
        placeholders=placeholders,
        content=json.loads(json.dumps(plain(root))),
        prefers_gsm7=prefer is not None,
        used_by_body={key: names - SYSTEM_PLACEHOLDERS.keys() for key, names in bodies.used.items()},
        needed_by_body={
            key: frozenset(n for n in names if n in placeholders and placeholders[n].required)
            for key, names in bodies.needed.items()
        },
        findings=Findings(tuple(bodies.findings)),
    )


def _in_one_language(reader: NodeReader, root: Node) -> Node:
    """Bodies that stand beside ``name``, without ``languages``, are in ``default_language``, else in English."""
    channels = [channel for channel in CHANNELS if channel in root]
    if "languages" in root or not channels:
        return root
    bodies, languages = Node(), Node()
    bodies.line = languages.line = root.line
    for channel in channels:
        bodies[channel] = root.pop(channel)
        bodies.lines[channel] = root.lines.get(channel, root.line)
    languages[str(reader.text(root, "default_language", "template") or "en")] = bodies
    root["languages"] = languages
    return root


def _category(reader: NodeReader, root: Node) -> tuple[str, str]:
    """The category, and whether it is for service or marketing."""
    category = str(reader.text(root, "category", "template") or "service")
    stated = reader.text(root, "category_kind", "template")
    if stated is not None and stated not in ("service", "marketing"):
        raise reader.wrong(
            f"there is no kind {stated}", "category_kind", root, "category_kind", "Use service or marketing."
        )
    kind = kind_of_category(category, None if stated is None else str(stated))
    if kind is None:
        raise reader.wrong(
            f"the category {category} is not a predefined one, and the template does not say what kind it is",
            "category",
            root,
            "category",
            f"Add category_kind: service or marketing, or use one of {', '.join(PREDEFINED_CATEGORIES)}.",
        )
    return category, kind


def _languages(reader: NodeReader, root: Node, bodies: BodyReader) -> dict[str, Bodies]:
    if "languages" not in root:
        raise reader.wrong("languages is missing", "template", root, None, "Add languages: {en: {sms: ...}}.")
    by_language = reader.mapping(root["languages"], "languages")
    if not by_language:
        raise reader.wrong("there is no language", "languages", root, "languages", "Add en: {sms: ...}.")
    languages: dict[str, Bodies] = {}
    for language, value in by_language.items():
        if not LANGUAGE.fullmatch(language):
            raise reader.wrong(
                f"{language!r} is not a language tag",
                "languages",
                by_language,
                language,
                "Use tags such as en or pt-BR.",
            )
        languages[language] = bodies.bodies(value, language)
    return languages


def _default_language(reader: NodeReader, root: Node, languages: Mapping[str, Bodies]) -> str:
    stated = reader.text(root, "default_language", "template")
    if stated is None:
        if len(languages) == 1:
            return next(iter(languages))
        if "en" in languages:
            return "en"
        raise reader.wrong(
            "default_language is missing", "template", root, None, f"Add default_language: {next(iter(languages))}."
        )
    if str(stated) not in languages:
        raise reader.wrong(
            f"there is no body in {stated}",
            "default_language",
            root,
            "default_language",
            f"Use one of {', '.join(languages)}.",
        )
    return str(stated)


def _placeholders(listed: Mapping[str, Placeholder], bodies: BodyReader) -> dict[str, Placeholder]:
    """Every placeholder, listed or only used, by name; required only where some body needs it."""
    used = frozenset().union(*bodies.used.values()) - SYSTEM_PLACEHOLDERS.keys()
    needed = frozenset().union(*bodies.needed.values())
    every = {name: listed.get(name, Placeholder(name)) for name in sorted(used | listed.keys())}
    return {
        name: replace(entry, required=False) if entry.required and name not in needed else entry
        for name, entry in every.items()
    }
