"""The language of bodies: Jinja2 in its sandbox, narrowed to what a notification needs.

A body may hold placeholders, filters, ``if`` and ``{{ a if b else c }}``, comparisons, ``set``, and one level of ``for``
over ``split``. It may not look into objects, call anything or define functions (:mod:`nightmail.templates.syntax`). In HTML
and in call documents every value is escaped; there is no way to switch that off.

An empty cell is an empty text in a body. ``default`` and ``is defined`` go by emptiness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError as JinjaError
from markupsafe import escape

from nightmail.channels import Channel, Unit
from nightmail.templates.environments import BodyEnvironment, Markup, environment
from nightmail.templates.errors import TemplateError
from nightmail.templates.html_context import guard_html
from nightmail.templates.names import names_in, optional_names
from nightmail.templates.syntax import MakeError, check
from nightmail.templates.unprintable import UNPRINTABLE

SOURCE_CHARACTERS = 256 * 1024
"""The most characters of one body's source."""
TEXT_CHARACTERS = 2 * 1024 * 1024
"""Where rendering one row stops: beyond every channel's limit, so that the message is found too long."""

RENDER_ERRORS = (
    JinjaError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    MemoryError,
)
"""What a body may raise on one row's values; such a row is held with the reason ``render_failed``."""

_BRACES = "Placeholders are written {{ name }}, conditions {% if name %} ... {% endif %}."
_HANDLEBARS = re.compile(r"\{\{\{|\{\{\s*[#/^>&!]")


def text_markup(channel: Channel) -> Markup:
    """The markup of a channel's plain texts."""
    return Markup.SEGMENTS if channel.price_unit is Unit.SEGMENT else Markup.TEXT


@dataclass(frozen=True)
class ParsedBody:
    """A body's checked syntax tree, and the placeholders in it."""

    tree: nodes.Template
    used: frozenset[str]
    needed: frozenset[str]
    """Placeholders that the body prints or compares without coping with an empty value."""


def parse_body(source: str, language: str, markup: Markup, *, where: str = "", line: int | None = None) -> ParsedBody:
    """Parse and check a body. ``line`` is the file's line on which ``source`` starts.

    Raises :class:`TemplateError` with the line and what is not allowed there.
    """

    def error(problem: str, at: int | None, advice: str = "") -> TemplateError:
        return TemplateError(problem, advice, where=where, line=None if line is None else line + (at or 1) - 1)

    if len(source) > SOURCE_CHARACTERS:
        raise error(f"the body has {len(source):,} characters; the limit is {SOURCE_CHARACTERS:,}", 1)
    unprintable = UNPRINTABLE.search(source)
    if unprintable is not None:
        raise error("the body holds a control character", source.count("\n", 0, unprintable.start()) + 1, "Remove it.")
    env = environment(language, markup)
    try:
        tree = env.parse(source)
    except TemplateSyntaxError as problem:
        raise error(_lower_first(problem.message or "syntax error"), problem.lineno, _advice(source, problem)) from None
    except (RecursionError, MemoryError):
        raise error("the body is nested too deeply", 1) from None
    check(tree, error)
    if markup is Markup.HTML:
        guard_html(tree, error)
    if markup is Markup.XML:
        for data in tree.find_all(nodes.TemplateData):
            data.data = str(escape(data.data))
    used = names_in(tree)
    compiled_body(tree, env)
    _check_constants(tree, env, error)
    return ParsedBody(tree, used, used - optional_names(tree))


def _advice(source: str, problem: TemplateSyntaxError) -> str:
    lines = source.splitlines()
    at = (problem.lineno or 1) - 1
    if at < len(lines) and _HANDLEBARS.search(lines[at]):
        return f"This is how Handlebars and Mustache are written. {_BRACES}"
    return _BRACES


def _lower_first(message: str) -> str:
    return f"{message[:1].lower()}{message[1:]}"


def _check_constants(tree: nodes.Template, env: BodyEnvironment, error: MakeError) -> None:
    """Refuse what would fail on every row: expressions over no placeholder, computed here once."""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            if isinstance(part, (nodes.TemplateData, nodes.Const)) or names_in(part):
                continue
            alone = nodes.Template([nodes.Output([part], lineno=part.lineno)], lineno=1)
            alone.set_environment(env)
            if render_row(compiled_body(alone, env), {}) is None:
                raise error("an expression cannot be computed", part.lineno)


def least_characters(tree: nodes.Template) -> int:
    """The characters that every message of a body has, whatever its values."""
    return sum(
        len(part.data)
        for statement in tree.body
        if isinstance(statement, nodes.Output)
        for part in statement.nodes
        if isinstance(part, nodes.TemplateData)
    )


def compiled_body(tree: nodes.Template, env: BodyEnvironment) -> JinjaTemplate:
    """The tree as Jinja2's own template. Compiling folds constants in the tree, and changes nothing else of it."""
    return JinjaTemplate.from_code(env, env.compile(tree), {}, None)


def render_row(template: JinjaTemplate, values: Mapping[str, object]) -> str | None:
    """One body with one row's values, cut off at :data:`TEXT_CHARACTERS`; ``None`` when the body fails on them."""
    parts: list[str] = []
    characters = 0
    try:
        for part in template.root_render_func(template.new_context(dict(values), shared=True)):
            parts.append(part)
            characters += len(part)
            if characters > TEXT_CHARACTERS:
                break
    except RENDER_ERRORS:
        return None
    return "".join(parts)[:TEXT_CHARACTERS]
