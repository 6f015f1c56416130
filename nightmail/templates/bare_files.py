"""Bodies that are files of their own: a ``.txt`` is a text message, an ``.html`` page an email."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from nightmail.channels import EMAIL, SMS
from nightmail.templates.errors import TemplateError
from nightmail.templates.yaml_nodes import Node, Text

TEMPLATE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
BARE_ENDINGS = (".txt", ".html", ".htm")
"""Endings of files that are one body."""

_FILE_BYTES = 4 * 1024 * 1024
_TITLE = re.compile(r"<title[^>]*>(.*?)</title\s*>", re.IGNORECASE | re.DOTALL)


def file_text(path: Path) -> str:
    """The text of a template's file. Raises :class:`TemplateError` where it cannot be read, or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise TemplateError(f"the file {path.name} cannot be read: {problem.strerror}", "Check the path.") from None
    if len(data) > _FILE_BYTES:
        raise TemplateError(f"the file {path.name} has {len(data):,} bytes; the limit is {_FILE_BYTES:,}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise TemplateError("the file is not UTF-8", "Save it as UTF-8.", where=path.name, line=line) from None


def bare_structure(path: Path, text: str) -> Node:
    """The structure of a template with this one body; ``notice.de.txt`` is in German. Raises :class:`TemplateError`."""
    stem, _, tag = path.stem.rpartition(".")
    language = tag if stem and LANGUAGE.fullmatch(tag) else "en"
    base = re.sub(r"[^a-z0-9_]+", "_", (stem if stem and language == tag else path.stem).lower()).strip("_")
    name = base if TEMPLATE_NAME.fullmatch(base) else f"template_{base}"[:64]
    if not text.strip():
        raise TemplateError("the file is empty", "Write the body into it.", where=path.name)
    body = Text.on_line(text.rstrip("\r\n"), 1)
    bodies = Node()
    if path.suffix.lower() == ".txt":
        bodies[SMS.name] = body
    else:
        bodies[EMAIL.name] = Node(subject=_title(path, text), html=body)
    languages = Node()
    languages[language] = bodies
    return Node(
        name=Text.on_line(name, 1),
        category=Text.on_line("service", 1),
        default_language=Text.on_line(language, 1),
        languages=languages,
    )


def _title(path: Path, page: str) -> Text:
    title = _TITLE.search(page)
    if title is None or not title[1].strip():
        raise TemplateError(
            "the page has no title", "Add <title>...</title>: it becomes the email's subject.", where=path.name
        )
    return Text.on_line(" ".join(unescape(title[1]).split()), page[: title.start(1)].count("\n") + 1)
