"""A template's structure as texts, mappings and lists that know the lines of the file they stand on.

:func:`compose` makes it of YAML, :func:`with_lines` of the JSON-ready values that the database keeps, which have no lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from nightmail.templates.errors import TemplateError
from nightmail.templates.unprintable import UNPRINTABLE


class Text(str):
    """A scalar of the file that knows its line, and on which line its text starts: for ``|`` and ``>`` the next one."""

    __slots__ = ("line", "text_line")
    line: int
    text_line: int

    @classmethod
    def on_line(cls, text: str, line: int) -> Text:
        """A text that starts on a line."""
        made = cls(text)
        made.line = made.text_line = line
        return made


class Node(dict[str, Any]):
    """A mapping of the file that knows its line and its keys' lines."""

    line = 1

    def __init__(self, **entries: Any) -> None:
        super().__init__(**entries)
        self.lines: dict[str, int] = {}


class Items(list[Any]):
    """A list of the file that knows its line."""

    line = 1


def compose(text: str) -> Any:
    """YAML as texts, mappings and lists with their lines. Values stay as written: ``no`` is Norwegian, not false.

    Raises :class:`TemplateError` with the line of what is no YAML, a control character, a key that stands twice or an anchor.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if UNPRINTABLE.search(line):
            raise TemplateError("the file holds a control character", "Remove it.", where="template", line=number)
    loader = None
    try:
        try:
            loader = yaml.BaseLoader(text)
            node = loader.get_single_node()
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark or problem.context_mark
            raise TemplateError(
                f"the file is not YAML: {problem.problem or problem.context}",
                "Put texts that hold a colon, braces or a # into quotes.",
                where="template",
                line=None if mark is None else mark.line + 1,
            ) from None
        except (yaml.YAMLError, RecursionError) as problem:
            raise TemplateError(f"the file is not YAML: {' '.join(str(problem).split())}", where="template") from None
        return _value(node, set())
    finally:
        if loader is not None:
            loader.dispose()


def _value(node: yaml.Node | None, seen: set[int], key_line: int | None = None) -> Any:
    if node is None:
        return None
    line = key_line or node.start_mark.line + 1
    if id(node) in seen:
        raise TemplateError("anchors and aliases (& and *) are not available", where="template", line=line)
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        text = Text.on_line(node.value, line)
        start = node.start_mark.line + 1
        text.text_line = start + 1 if node.style in ("|", ">") else start
        return text
    if isinstance(node, yaml.SequenceNode):
        items = Items(_value(item, seen) for item in node.value)
        items.line = line
        return items
    assert isinstance(node, yaml.MappingNode)
    mapping = Node()
    mapping.line = line
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise TemplateError("a key must be a plain text", where="template", line=key_line)
        key = str(key_node.value)
        if key in mapping:
            raise TemplateError(f"{key} stands twice", where="template", line=key_line)
        mapping[key] = _value(value_node, seen, key_line)
        mapping.lines[key] = key_line
    return mapping


def plain(value: Any) -> Any:
    """The structure as ordinary JSON-ready values."""
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return None if value is None else str(value)


def with_lines(value: Any) -> Any:
    """JSON-ready values in the form that the reader takes, without lines. Raises :class:`TemplateError`."""
    if isinstance(value, Mapping):
        mapping = Node()
        for key, entry in value.items():
            mapping[str(key)] = with_lines(entry)
        return mapping
    if isinstance(value, (list, tuple)):
        return Items(with_lines(entry) for entry in value)
    if value is None:
        return None
    if isinstance(value, bool):
        return Text("true" if value else "false")
    if UNPRINTABLE.search(str(value)):
        raise TemplateError("a text holds a control character", "Remove it.", where="template")
    return Text(value)


class NodeReader:
    """Takes the structure apart; every refusal names the place and, where ``lines_known``, the line."""

    def __init__(self, *, lines_known: bool) -> None:
        self.lines_known = lines_known

    def line(self, value: Any, key: str | None = None) -> int | None:
        """The line of a value, or of one of its keys."""
        if not self.lines_known:
            return None
        if key is not None and isinstance(value, Node):
            return value.lines.get(key, value.line)
        return getattr(value, "line", None)

    def text_line(self, text: Text) -> int | None:
        """The line on which a text starts."""
        return text.text_line if self.lines_known else None

    def wrong(
        self, problem: str, where: str, value: Any = None, key: str | None = None, advice: str = ""
    ) -> TemplateError:
        """The error of a value, or of one of its keys."""
        return TemplateError(problem, advice, where=where, line=self.line(value, key))

    def mapping(self, value: Any, where: str, allowed: tuple[str, ...] | None = None) -> Node:
        """The value, which must be a mapping with no other keys than these. Raises :class:`TemplateError`."""
        if not isinstance(value, Node):
            raise self.wrong("a mapping (key: value) is expected here", where, value)
        if allowed is not None:
            for key in value:
                if key not in allowed:
                    raise self.wrong(f"there is no key {key} here", where, value, key, f"Use {', '.join(allowed)}.")
        return value

    def text(self, node: Node, key: str, where: str) -> Text | None:
        """The text under a key; ``None`` where it is missing or blank. Raises :class:`TemplateError`."""
        value = node.get(key)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, Text):
            raise self.wrong(
                f"{key} must be a text", where, node, key, "Put it into quotes: a text that starts with {{ needs them."
            )
        return value
