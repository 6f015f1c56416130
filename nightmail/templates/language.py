"""The language of bodies: Jinja2 in its sandbox, narrowed to what a notification needs.

A body may hold placeholders, filters, ``if`` and ``{{ a if b else c }}``, comparisons, ``set``, and one level of ``for``
over ``split``. It may not look into objects, call anything or define functions: the syntax tree is checked against a list of
what is allowed before it is compiled, so Jinja2's sandbox is the second wall, not the first. In HTML and in TwiML every
value is escaped; there is no way to switch that off.

An empty cell is an empty text in a body. ``default`` and ``is defined`` go by emptiness.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from nightmail.channels import Channel, Unit
from nightmail.templates.errors import TemplateError
from nightmail.templates.formats import DATE_STYLES, Formats, Money, read_date, read_number

SOURCE_CHARACTERS = 256 * 1024
"""The most characters of one body's source."""
VALUE_CHARACTERS = 1024 * 1024
"""The most characters that a filter may make of a value."""
SPLIT_ITEMS = 500
"""The most items of ``split``: bounds what a loop can cost."""

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no body may hold: control characters, halves of surrogate pairs, and what is no character at all."""

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


class Markup(Enum):
    """What a body's text becomes: decides escaping and the signs used in numbers."""

    SEGMENTS = "segments"
    """Plain text that is charged by segments: numbers are written with plain spaces, which cost least."""
    TEXT = "text"
    HTML = "html"
    XML = "xml"

    @property
    def escaped(self) -> bool:
        """Whether values are escaped."""
        return self in (Markup.HTML, Markup.XML)


def text_markup(channel: Channel) -> Markup:
    """The markup of a channel's plain texts."""
    return Markup.SEGMENTS if channel.price_unit is Unit.SEGMENT else Markup.TEXT


_ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Filter,
    nodes.Test,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Neg,
    nodes.Pos,
    nodes.Tuple,
    nodes.List,
    nodes.Keyword,
)

_ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod)
_RESERVED_NAMES = frozenset({"self", "caller", "varargs", "kwargs", "loop", "super"})

_NODE_WORDS: Mapping[str, str] = {
    "Getattr": "attributes (a dot after a name) are",
    "Getitem": "square brackets after a name are",
    "Slice": "square brackets after a name are",
    "Call": "calls are",
    "CallBlock": "calls are",
    "Macro": "macros are",
    "Include": "include is",
    "Import": "import is",
    "FromImport": "import is",
    "Extends": "extends is",
    "Block": "blocks are",
    "AssignBlock": "a set with endset is",
    "Pow": "powers are",
    "FilterBlock": "filter blocks are",
    "With": "with is",
    "Scope": "autoescape is",
    "Dict": "mappings are",
}

_PLAIN_LOOP = ("index", "index0", "first", "last", "length")


def _bounded(text: str) -> str:
    if len(text) > VALUE_CHARACTERS:
        raise TemplateRuntimeError("a filter's result is too long")
    return text


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _default(value: object, fallback: object = "", boolean: bool = False) -> object:
    return fallback if _is_empty(value) or (boolean and not value) else value


def _replace(value: object, old: str, new: str) -> str:
    text, old, new = str(value), str(old), str(new)
    if not old:
        raise TemplateRuntimeError("replace needs a text to look for")
    _bounded_length = len(text) + text.count(old) * max(len(new) - len(old), 0)
    if _bounded_length > VALUE_CHARACTERS:
        raise TemplateRuntimeError("a filter's result is too long")
    return text.replace(old, new)


def _truncate(value: object, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5) -> str:
    """As Jinja2 does it: whole words, and a text that is longer by no more than ``leeway`` stays."""
    text = str(value)
    if length < len(end) or leeway < 0:
        raise TemplateRuntimeError("truncate needs a length greater than its end")
    if len(text) <= length + leeway:
        return text
    begin = text[: length - len(end)]
    return f"{begin if killwords else begin.rsplit(' ', 1)[0]}{end}"


_BETWEEN_WORDS = re.compile(r"([-\s({\[<]+)")


def _title(value: object) -> str:
    return "".join(part[:1].upper() + part[1:].lower() for part in _BETWEEN_WORDS.split(str(value)))


_DIRECTIVE = re.compile(r"%(?:%|[-+ 0#]*(\d*)(?:\.(\d*))?[sdifFeEgGoxX])")
_FORMAT_WIDTH = 1000


def _format(value: object, *parts: object) -> str:
    text = str(value)
    if "%" in _DIRECTIVE.sub("", text):
        raise TemplateRuntimeError("format takes directives such as %s, %d and %.2f")
    if any(size and int(size[:9]) > _FORMAT_WIDTH for sizes in _DIRECTIVE.findall(text) for size in sizes):
        raise TemplateRuntimeError("format takes no width over 1,000")
    return _bounded(text % parts)


def _split(value: object, separator: str = ";") -> list[str]:
    if not separator:
        raise TemplateRuntimeError("split needs a separator")
    items = [item.strip() for item in str(value).split(separator)]
    return [item for item in items if item][:SPLIT_ITEMS]


def _join(value: Sequence[object], separator: str = ", ") -> str:
    if isinstance(value, str):
        return value
    return _bounded(separator.join(str(item) for item in value))


def _int(value: object, default: int = 0) -> int:
    try:
        return int(Decimal(str(value)))
    except ArithmeticError:
        return default


def _float(value: object, default: float = 0.0) -> Decimal:
    number = read_number(str(value)) if not isinstance(value, Decimal) else value
    return Decimal(str(default)) if number is None else number


def _kept(value: object) -> object:
    """What ``set`` keeps; bounded, so that no row of assignments can fill the memory."""
    return _bounded(value) if isinstance(value, str) else value


def _round(value: object, digits: int = 0) -> Decimal:
    if not 0 <= digits <= 12:
        raise TemplateRuntimeError("round takes 0 to 12 digits")
    amount = Decimal(str(value)) if not isinstance(value, Decimal) else value
    rounded = round(amount, digits)
    return Money(rounded, amount.currency) if isinstance(amount, Money) else rounded


def _spell(value: object) -> str:
    return " ".join(sign for sign in str(value) if not sign.isspace())


def web_address(value: object) -> str:
    """The value if it is an address a link may lead to, else ``#``: no ``javascript:``, no ``data:``."""
    text = str(value).strip()
    if not text.isprintable():
        # Browsers take tabs and line breaks out of addresses before they read them.
        text = re.sub(r"[\t\r\n]", "", text)
    if text.startswith(("https://", "http://")):
        return text
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.\-]*):", text)
    if scheme is not None and scheme[1].lower() in ("http", "https", "mailto", "tel"):
        return text
    return text if scheme is None and re.match(r"(?![/\\]{2})[^\x00-\x20:&]*([/?#]|$)", text) else "#"


def _number_filter(formats: Formats) -> Callable[..., str]:
    def number(value: object, digits: int | None = None) -> str:
        if _is_empty(value):
            return ""
        amount = value if isinstance(value, Decimal) else read_number(str(value))
        if amount is None:
            return str(value)
        return formats.number(_round(amount, digits) if digits is not None else amount)

    return number


def _money_filter(formats: Formats) -> Callable[..., str]:
    def money(value: object, currency: str | None = None) -> str:
        if _is_empty(value):
            return ""
        amount = value if isinstance(value, Decimal) else read_number(str(value))
        if amount is None:
            return str(value)
        return formats.money(amount, currency or getattr(amount, "currency", None))

    return money


def _date_filter(formats: Formats) -> Callable[..., str]:
    def date_(value: object, style: str = "long") -> str:
        if style not in DATE_STYLES:
            raise TemplateRuntimeError(f"date takes one of {', '.join(DATE_STYLES)}")
        day = value if isinstance(value, date) else read_date(str(value))
        return ("" if value is None else str(value)) if day is None else formats.date(day, style)

    return date_


FILTERS: Mapping[str, Callable[..., Any]] = {
    "upper": lambda value: _bounded(str(value).upper()),
    "lower": lambda value: str(value).lower(),
    "title": _title,
    "capitalize": lambda value: str(value).capitalize(),
    "trim": lambda value: str(value).strip(),
    "length": len,
    "count": len,
    "default": _default,
    "d": _default,
    "replace": _replace,
    "truncate": _truncate,
    "split": _split,
    "join": _join,
    "first": lambda value: value[0] if value else "",
    "last": lambda value: value[-1] if value else "",
    "format": _format,
    "string": str,
    "reverse": lambda value: str(value)[::-1],
    "wordcount": lambda value: len(re.findall(r"\w+", str(value))),
    "escape": escape,
    "e": escape,
    "int": _int,
    "float": _float,
    "round": _round,
    "abs": abs,
    "urlencode": lambda value: quote(str(value), safe=""),
    "spell": _spell,
    "web_address": web_address,
}
"""The filters, by name; ``number``, ``money`` and ``date`` are added for each language."""

FILTER_NAMES = frozenset(FILTERS) | {"number", "money", "date"}

_KEPT = "kept by set"
"""A filter's name that no body can write."""

TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not _is_empty(value),
    "undefined": _is_empty,
    "none": _is_empty,
    "in": lambda value, among: value in among,
    "eq": lambda value, other: bool(value == other),
    "ne": lambda value, other: bool(value != other),
    "even": lambda value: int(value) % 2 == 0,
    "odd": lambda value: int(value) % 2 == 1,
}
"""The tests (``x is ...``), by name."""


class BodyEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox for one language and markup: no attributes, no globals, our filters, arithmetic on numbers only."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, language: str, markup: Markup) -> None:
        formats = Formats(language, plain_spaces=markup in (Markup.SEGMENTS, Markup.XML))
        super().__init__(
            autoescape=markup.escaped,
            undefined=StrictUndefined,
            finalize=formats.value,
            cache_size=0,
        )
        self.formats = formats
        self.markup = markup
        self.globals.clear()
        self.filters = {
            **FILTERS,
            "number": _number_filter(formats),
            "money": _money_filter(formats),
            "date": _date_filter(formats),
            _KEPT: _kept,
        }
        self.tests = dict(TESTS)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """No attribute is."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002
        """Nothing may be called."""
        return False

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Refuse, but for the counters of a loop."""
        from jinja2.runtime import LoopContext

        if isinstance(obj, LoopContext) and attribute in _PLAIN_LOOP:
            return getattr(obj, attribute)
        raise SecurityError("attributes are not available")

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ARG002
        """Refuse."""
        raise SecurityError("items are not available")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers only: ``*`` on a text could fill the memory."""
        for side in (left, right):
            if isinstance(side, bool) or not isinstance(side, (int, float, Decimal)):
                raise TypeError("arithmetic needs numbers")
            if isinstance(side, int) and abs(side) > 10**30:
                raise ArithmeticError("a number is too large")
        if isinstance(left, float) and isinstance(right, Decimal):
            left = Decimal(str(left))
        if isinstance(right, float) and isinstance(left, Decimal):
            right = Decimal(str(right))
        return super().call_binop(context, operator, left, right)


@lru_cache(maxsize=512)
def environment(language: str, markup: Markup) -> BodyEnvironment:
    """The environment of a language and markup, made once."""
    return BodyEnvironment(language, markup)


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

    def error(message: str, at: int | None, remedy: str = "") -> TemplateError:
        return TemplateError(message, remedy, where=where, line=None if line is None else line + (at or 1) - 1)

    if len(source) > SOURCE_CHARACTERS:
        raise error(f"the body has {len(source):,} characters; the limit is {SOURCE_CHARACTERS:,}.", 1)
    unprintable = UNPRINTABLE.search(source)
    if unprintable is not None:
        raise error("the body holds a control character.", source.count("\n", 0, unprintable.start()) + 1, "Remove it.")
    env = environment(language, markup)
    try:
        tree = env.parse(_TAGS_ALONE.sub(_without_line_end, source))
    except TemplateSyntaxError as problem:
        raise error(f"{_sentence(problem.message or 'syntax error')}", problem.lineno, _BRACES) from None
    except (RecursionError, MemoryError):
        raise error("the body is nested too deeply.", 1) from None
    _check(tree, error)
    if markup is Markup.HTML:
        from nightmail.templates.html_context import guard_html

        guard_html(tree, error)
    if markup is Markup.XML:
        for data in tree.find_all(nodes.TemplateData):
            data.data = str(escape(data.data))
    used = names_in(tree)
    compiled_body(tree, env)
    return ParsedBody(tree, used, used - _optional_names(tree))


_TAGS_ALONE = re.compile(r"^[ \t]*((?:\{%(?:(?!%\}).)*%\}[ \t]*)+)\r?\n", re.MULTILINE)
"""Lines of nothing but tags leave no empty line behind; the line break goes into a comment, so that lines still count."""


def _without_line_end(line: re.Match[str]) -> str:
    # Tags that end in -%} or +%} say themselves what becomes of the space after them.
    return line[0] if line[1].rstrip().endswith(("-%}", "+%}")) else f"{line[1]}{{#\n#}}"


_BRACES = "Placeholders are written {{ name }}, conditions {% if name %} ... {% endif %}."


def _sentence(message: str) -> str:
    return f"{message[:1].lower()}{message[1:].rstrip('.')}."


def _check(tree: nodes.Template, error: Callable[..., TemplateError]) -> None:
    def visit(node: nodes.Node, loops: int) -> None:
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
            if loops and node.attr in _PLAIN_LOOP:
                return
            raise error(
                f"loop.{node.attr} is not available.", node.lineno, f"There is loop.{', loop.'.join(_PLAIN_LOOP)}."
            )
        if not isinstance(node, _ALLOWED_NODES) or isinstance(node, nodes.Pow):
            words = _NODE_WORDS.get(type(node).__name__, f"{type(node).__name__.lower()} is")
            raise error(
                f"{words} not available in a template.", node.lineno, "Use placeholders, filters, if and for alone."
            )
        if isinstance(node, nodes.Name) and (node.name in _RESERVED_NAMES or node.name.startswith("_")):
            raise error(f"{node.name} is not a placeholder's name.", node.lineno)
        if isinstance(node, _ARITHMETIC):
            for side in (node.left, node.right):
                if isinstance(side, nodes.Const) and (
                    isinstance(side.value, bool) or not isinstance(side.value, (int, float))
                ):
                    raise error("arithmetic needs numbers.", node.lineno, "Join texts with ~.")
        if isinstance(node, nodes.CondExpr) and node.expr2 is None:
            node.expr2 = nodes.Const("", lineno=node.lineno)
        if isinstance(node, nodes.Assign):
            if not isinstance(node.target, nodes.Name):
                raise error("set gives one name a value.", node.lineno, "Write {% set name = value %}.")
            visit(node.target, loops)
            visit(node.node, loops)
            node.node = nodes.Filter(node.node, _KEPT, [], [], None, None, lineno=node.lineno)
            node.node.environment = tree.environment
            return
        if isinstance(node, nodes.Filter):
            if node.name not in FILTER_NAMES:
                raise error(
                    f"there is no filter {node.name}.", node.lineno, f"Use one of {', '.join(sorted(FILTER_NAMES))}."
                )
            if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
                raise error("a filter takes plain arguments.", node.lineno)
        if isinstance(node, nodes.Test):
            if node.name not in TESTS:
                raise error(f"there is no test {node.name}.", node.lineno, f"Use one of {', '.join(sorted(TESTS))}.")
            if node.dyn_args is not None or node.dyn_kwargs is not None:
                raise error("a test takes plain arguments.", node.lineno)
        if isinstance(node, nodes.For):
            if loops:
                raise error("a loop may not stand in a loop.", node.lineno)
            if node.recursive or not isinstance(node.target, nodes.Name):
                raise error("a loop is written {% for item in name|split(';') %}.", node.lineno)
            if not (isinstance(node.iter, nodes.Filter) and node.iter.name == "split"):
                raise error(
                    "a loop goes over the parts of a value.", node.lineno, "Write {% for item in name|split(';') %}."
                )
        inside = loops + isinstance(node, nodes.For)
        for child in node.iter_child_nodes():
            visit(child, inside)

    try:
        visit(tree, 0)
    except RecursionError:
        raise error("the body is nested too deeply.", 1) from None


def least_characters(tree: nodes.Template) -> int:
    """The characters that every message of a body has, whatever its values."""
    return sum(
        len(part.data)
        for statement in tree.body
        if isinstance(statement, nodes.Output)
        for part in statement.nodes
        if isinstance(part, nodes.TemplateData)
    )


def names_in(tree: nodes.Node) -> frozenset[str]:
    """Names that come from outside: all but the targets of loops inside them, and what ``set`` gave a value before."""
    found: set[str] = set()

    def visit(node: nodes.Node, bound: set[str]) -> None:
        if isinstance(node, nodes.Name):
            if node.name not in bound:
                found.add(node.name)
            return
        if isinstance(node, nodes.Assign):
            visit(node.node, bound)
            assert isinstance(node.target, nodes.Name)  # checked before
            bound.add(node.target.name)
            return
        if isinstance(node, nodes.For):
            visit(node.iter, bound)
            assert isinstance(node.target, nodes.Name)  # checked before
            inside = bound | {node.target.name, "loop"}
            for child in (*([node.test] if node.test is not None else []), *node.body):
                visit(child, inside)
            for child in node.else_:
                visit(child, bound)
            return
        for child in node.iter_child_nodes():
            visit(child, bound)

    visit(tree, set())
    return frozenset(found)


def _optional_names(tree: nodes.Template) -> frozenset[str]:
    """Names whose emptiness the body copes with: tested by an ``if``, an ``or`` or an ``and``, or given a ``default``.

    What ``set`` makes a value of is as optional as that value.
    """
    found: set[str] = set()
    for branch in tree.find_all(nodes.If):
        found |= names_in(branch.test)
    for choice in tree.find_all(nodes.CondExpr):
        found |= names_in(choice.test)
    for either in tree.find_all((nodes.Or, nodes.And)):
        found |= names_in(either.left)
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ("default", "d") and filtered.node is not None:
            found |= names_in(filtered.node)
    for loop in tree.find_all(nodes.For):
        found |= names_in(loop.iter)
    for assigned in reversed(list(tree.find_all(nodes.Assign))):
        assert isinstance(assigned.target, nodes.Name)  # checked before
        if assigned.target.name in found:
            found |= names_in(assigned.node)
    return frozenset(found)


def compiled_body(tree: nodes.Template, env: BodyEnvironment) -> JinjaTemplate:
    """The tree as Jinja2's own template. Compiling folds constants in the tree, and changes nothing else of it."""
    return JinjaTemplate.from_code(env, env.compile(tree), {}, None)


def render_row(template: JinjaTemplate, values: Mapping[str, object]) -> str | None:
    """One body with one row's values, or nothing when the body fails on them."""
    try:
        context = template.new_context(dict(values), shared=True)
        return "".join(template.root_render_func(context))
    except RENDER_ERRORS:
        return None
