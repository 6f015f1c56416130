"""The placeholders that a template lists: their types, fallbacks, lengths and currencies."""

from __future__ import annotations

import re

from nightmail.templates.filters import currency_problem
from nightmail.templates.model import SYSTEM_PLACEHOLDERS, Placeholder, PlaceholderType
from nightmail.templates.yaml_nodes import Node, NodeReader, Text

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
"""A placeholder's name, and a template's in a folder."""

_KEYS = ("type", "fallback", "required", "max_length", "currency", "currency_column", "description")
_LONGEST = 100_000


def read_placeholders(reader: NodeReader, root: Node) -> dict[str, Placeholder]:
    """The placeholders under ``placeholders``, by name. Raises :class:`~nightmail.templates.errors.TemplateError`."""
    listed = root.get("placeholders")
    if listed is None or listed == "":
        return {}
    found: dict[str, Placeholder] = {}
    for name, value in reader.mapping(listed, "placeholders").items():
        where = f"placeholders/{name}"
        if not NAME.fullmatch(name):
            raise reader.wrong(f"{name!r} is not a name", where, listed, name, "Use letters, digits and _.")
        if name in SYSTEM_PLACEHOLDERS:
            raise reader.wrong(f"{name} is filled in by Nightmail and cannot be listed", "placeholders", listed, name)
        entry = Node() if value is None or value == "" else value
        if isinstance(entry, Text):
            entry = Node(type=entry)
        found[name] = _placeholder(reader, reader.mapping(entry, where, _KEYS), name, listed)
    return found


def _placeholder(reader: NodeReader, entry: Node, name: str, listed: Node) -> Placeholder:
    where = f"placeholders/{name}"
    stated_type = str(reader.text(entry, "type", where) or "text")
    if stated_type not in list(PlaceholderType):
        raise reader.wrong(
            f"there is no type {stated_type}", where, listed, name, f"Use one of {', '.join(PlaceholderType)}."
        )
    fallbacks = _fallbacks(reader, entry, where)
    required = str(reader.text(entry, "required", where) or ("false" if fallbacks else "true")).lower()
    if required not in ("true", "false"):
        raise reader.wrong("required is true or false", where, entry, "required")
    length = reader.text(entry, "max_length", where)
    if length is not None and not (str(length).isascii() and str(length).isdigit() and 0 < int(length) <= _LONGEST):
        raise reader.wrong("max_length is a number of characters", where, entry, "max_length")
    currency = reader.text(entry, "currency", where)
    if currency is not None and currency_problem(str(currency)) is not None:
        raise reader.wrong(
            f"{currency} is not a currency", where, entry, "currency", "Use three letters (ISO 4217) such as EUR."
        )
    currency_column = reader.text(entry, "currency_column", where)
    if stated_type != PlaceholderType.MONEY and (currency or currency_column):
        raise reader.wrong("only money has a currency", where, listed, name, "Set type: money.")
    return Placeholder(
        name=name,
        type=PlaceholderType(stated_type),
        fallbacks=fallbacks,
        required=required == "true",
        max_length=None if length is None else int(length),
        currency=None if currency is None else str(currency),
        currency_column=None if currency_column is None else str(currency_column),
    )


def _fallbacks(reader: NodeReader, entry: Node, where: str) -> dict[str, str]:
    fallback = entry.get("fallback")
    if isinstance(fallback, Node):
        fallbacks = {tag: str(text or "") for tag, text in fallback.items()}
    else:
        fallbacks = {} if fallback is None else {"": str(fallback)}
    if any(has_tags(text) for text in fallbacks.values()):
        raise reader.wrong("a fallback cannot hold placeholders", where, entry, "fallback", "Write a plain text.")
    return fallbacks


def has_tags(text: str) -> bool:
    """Whether a text that is sent as it stands holds what would be a tag in a body."""
    return any(mark in text for mark in ("{{", "{%", "{#"))
