"""Bodies rendered by columns: the part of the language that maps to whole columns, evaluated with Arrow.

What maps: text, placeholders, expressions over one placeholder (evaluated by Jinja2 itself, once per distinct value), and
``if`` / ``else`` whose conditions are made of such expressions with ``and``, ``or``, ``not``. A body with anything else
(a loop, an expression over two placeholders) is rendered row by row by Jinja2. Both ways must give the same text; each
run compares a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Template as JinjaTemplate
from jinja2 import nodes

from nightmail.templates.environments import BodyEnvironment
from nightmail.templates.formats import Formats, Money, parse_typed, without_zeros
from nightmail.templates.language import RENDER_ERRORS, compiled_body, render_row
from nightmail.templates.model import Placeholder, PlaceholderType
from nightmail.templates.names import names_in

_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{FFFE}\x{FFFF}]"
_VALUES = "nightmail_values"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;"))


class ValueColumn:
    """One placeholder's values for some rows, ready for bodies of one language: fallbacks in, control signs out.

    ``values`` are the distinct values as Jinja2 gets them, ``indices`` say which each row has.
    """

    def __init__(
        self, raw: pa.Array | None, rows: int, placeholder: Placeholder, language: str, currency: pa.Array | None
    ) -> None:
        self._placeholder = placeholder
        self._fallback = placeholder.fallback(language)
        self._currency = placeholder.currency
        self._text: dict[Formats, pa.Array] = {}
        self._encoded: tuple[npt.NDArray[np.int64], list[Any]] | None = None
        self._plain: pa.Array | None = None
        self._raw: pa.Array
        if raw is None:
            raw = pa.nulls(rows, pa.string())
        if placeholder.type is PlaceholderType.TEXT:
            self._plain = self._clean(raw if pa.types.is_string(raw.type) else _as_text(raw))
            self._raw = self._plain
        else:
            self._raw = raw
            if placeholder.type is PlaceholderType.MONEY and currency is not None:
                self._state_currency(currency)

    @classmethod
    def of_texts(cls, texts: pa.Array) -> ValueColumn:
        """A column that is there already: the system's own placeholders."""
        return cls(texts, len(texts), Placeholder("system"), "", None)

    def _state_currency(self, currency: pa.Array) -> None:
        """Take the rows' own currencies: one for all, if they agree, or each with its amount."""
        stated = pc.fill_null(pc.cast(currency, pa.string()), "")
        found = pc.unique(pc.if_else(pc.equal(stated, ""), self._currency or "", stated))
        if len(found) <= 1:
            self._currency = (found[0].as_py() or None) if len(found) else self._currency
        else:
            self._raw = pc.binary_join_element_wise(stated, _as_text(self._raw), "\x1f")

    def _clean(self, column: pa.Array) -> pa.Array:
        if _has_control_signs(column):
            column = pc.replace_substring_regex(column, _CONTROL, "")
        empty = pc.fill_null(pc.equal(pc.binary_length(pc.utf8_trim_whitespace(column)), 0), True)
        return pc.if_else(empty, self._fallback or "", column) if pc.any(empty).as_py() else column

    def _encode(self) -> tuple[npt.NDArray[np.int64], list[Any]]:
        if self._encoded is None:
            encoded = self._raw.dictionary_encode()
            values = [self._value(value) for value in encoded.dictionary.to_pylist()]
            indices = encoded.indices
            if indices.null_count:
                indices = pc.fill_null(indices, len(values))
                values.append(self._value(None))
            self._encoded = indices.to_numpy(zero_copy_only=False).astype(np.int64), values
        return self._encoded

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """The position in :attr:`values` of each row's value."""
        return self._encode()[0]

    @property
    def values(self) -> list[Any]:
        """The distinct values."""
        return self._encode()[1]

    def at(self, row: int) -> Any:
        """One row's value, as Jinja2 gets it."""
        if self._encoded is None:
            return self._value(self._raw[int(row)].as_py())
        return self.values[self.indices[row]]

    def truths(self) -> pa.Array:
        """Whether each value counts as true in an ``if``."""
        if self._plain is not None:
            return pc.not_equal(pc.binary_length(self._plain), 0)
        if pa.types.is_date(self._raw.type) and not self._raw.null_count:
            return pa.repeat(pa.scalar(True), len(self._raw))
        return pa.array([bool(value) for value in self.values]).take(pa.array(self.indices))

    def text(self, formats: Formats) -> pa.Array:
        """The values as a body prints them."""
        if self._plain is not None:
            return self._plain
        if formats not in self._text:
            quick = self._by_column(formats)
            if quick is not None:
                self._text[formats] = quick
                return quick
            printed = pa.array([str(formats.value(value)) for value in self.values], pa.string())
            self._text[formats] = printed.take(pa.array(self.indices))
        return self._text[formats]

    def _by_column(self, formats: Formats) -> pa.Array | None:
        """Numbers and money in one go where the column allows it."""
        if not pa.types.is_decimal(self._raw.type) or self._raw.null_count:
            return None
        if self._placeholder.type is PlaceholderType.NUMBER:
            return formats.number_column(self._raw)
        if self._placeholder.type is PlaceholderType.MONEY:
            return formats.money_column(self._raw, self._currency)
        return None

    def _value(self, value: Any) -> Any:
        placeholder = self._placeholder
        kind = placeholder.type
        if kind is PlaceholderType.TEXT:
            return value
        currency = self._currency
        if isinstance(value, str) and "\x1f" in value:
            stated, _, value = value.partition("\x1f")
            currency = stated or currency
        if value is None or (isinstance(value, str) and not value.strip()):
            fallback = self._fallback
            return "" if fallback is None else parse_typed(fallback, kind.value, currency)
        if isinstance(value, str):
            return parse_typed(value.strip(), kind.value, currency)
        if kind is PlaceholderType.DATE:
            return value.date() if hasattr(value, "date") else value
        amount = value if isinstance(value, Decimal) else Decimal(str(value))
        return Money(amount, currency) if kind is PlaceholderType.MONEY else without_zeros(amount)


def _as_text(column: pa.Array) -> pa.Array:
    """Any column as texts, numbers written plainly."""
    if pa.types.is_string(column.type):
        return pc.coalesce(column, pa.scalar(""))
    if pa.types.is_decimal(column.type):
        return pa.array(["" if value is None else f"{value:f}" for value in column.to_pylist()], pa.string())
    return pc.coalesce(pc.cast(column, pa.string()), pa.scalar(""))


def _has_control_signs(column: pa.Array) -> bool:
    if not len(column) or column.buffers()[2] is None:
        return False
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    data = np.frombuffer(column.buffers()[2], dtype=np.uint8)[
        offsets[column.offset] : offsets[column.offset + len(column)]
    ]
    if (data < 32).any() or (data == 127).any():
        return True
    return bool((data == 0xEF).any()) and bool(pc.any(pc.match_substring_regex(column, _CONTROL)).as_py())


def escape_column(column: pa.Array) -> pa.Array:
    """The texts as markupsafe escapes them."""
    buffer = column.buffers()[2]
    if buffer is None:
        return column
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    data = memoryview(buffer)[offsets[column.offset] : offsets[column.offset + len(column)]].tobytes()
    for sign, replacement in _ESCAPES:
        if sign.encode() in data:
            column = pc.replace_substring(column, sign, replacement)
    return column


# --- Plans --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Literal:
    text: str


@dataclass(frozen=True)
class _Slot:
    name: str


@dataclass(frozen=True)
class _Expression:
    """An expression over one placeholder, compiled to run over a list of values."""

    name: str
    over_values: JinjaTemplate


@dataclass(frozen=True)
class _Address:
    """A bare placeholder at the start of a link's address; ``checked`` is what it goes through."""

    checked: _Expression


@dataclass(frozen=True)
class _Condition:
    """``kind`` is value (an expression's truth), filled (a bare placeholder's), and, or, not."""

    kind: str
    name: str = ""
    parts: tuple[_Condition, ...] = ()
    expression: _Expression | None = None


@dataclass(frozen=True)
class _Choice:
    condition: _Condition
    then: tuple[_Part, ...]
    otherwise: tuple[_Part, ...]


_Part = _Literal | _Slot | _Expression | _Address | _Choice


class _NotMappable(Exception):  # noqa: N818
    """The body has something that only Jinja2 itself can render."""


class CompiledText:
    """One body's text: by columns where it maps, and always as Jinja2's own template."""

    def __init__(self, tree: nodes.Template, env: BodyEnvironment) -> None:
        self.env = env
        self.names = names_in(tree)
        self.jinja = compiled_body(tree, env)
        try:
            self._plan: tuple[_Part, ...] | None = _merged(_parts(tree.body, env))
        except _NotMappable:
            self._plan = None

    @property
    def maps(self) -> bool:
        """Whether the body can be rendered by columns."""
        return self._plan is not None

    def by_columns(self, columns: Mapping[str, ValueColumn], rows: int) -> pa.Array:
        """The texts of all rows; null where the body fails on a row's values."""
        assert self._plan is not None
        return _whole(_evaluate(self._plan, columns, self.env), rows)

    def by_rows(self, columns: Mapping[str, ValueColumn], rows: Sequence[int] | range) -> list[str | None]:
        """The same by Jinja2 itself, for some rows."""
        used = [(name, columns[name]) for name in self.names]
        return [render_row(self.jinja, {name: column.at(row) for name, column in used}) for row in rows]


def _parts(body: Sequence[nodes.Node], env: BodyEnvironment) -> list[_Part]:
    parts: list[_Part] = []
    for node in body:
        if isinstance(node, nodes.Output):
            parts.extend(_printed(entry, env) for entry in node.nodes)
        elif isinstance(node, nodes.If):
            otherwise: Sequence[nodes.Node] = node.else_
            for branch in reversed(node.elif_):
                inner = nodes.If(branch.test, branch.body, [], list(otherwise), lineno=branch.lineno)
                otherwise = [inner]
            parts.append(
                _Choice(_condition(node.test, env), _merged(_parts(node.body, env)), _merged(_parts(otherwise, env)))
            )
        else:
            raise _NotMappable
    return parts


def _printed(node: nodes.Expr, env: BodyEnvironment) -> _Part:
    if isinstance(node, nodes.TemplateData):
        return _Literal(node.data)
    if isinstance(node, nodes.Name):
        return _Slot(node.name)
    names = names_in(node)
    if len(names) == 1:
        expression = _Expression(next(iter(names)), _over_values(node, next(iter(names)), env))
        if isinstance(node, nodes.Filter) and node.name == "web_address" and isinstance(node.node, nodes.Name):
            return _Address(expression)
        return expression
    if not names:
        constant = compiled_body(_template(nodes.Output([node], lineno=1), env), env)
        printed = render_row(constant, {})
        if printed is None:
            raise _NotMappable
        return _Literal(printed)
    if isinstance(node, nodes.CondExpr):
        otherwise = () if node.expr2 is None else (_printed(node.expr2, env),)
        return _Choice(_condition(node.test, env), (_printed(node.expr1, env),), otherwise)
    raise _NotMappable


def _condition(node: nodes.Node, env: BodyEnvironment) -> _Condition:
    names = names_in(node)
    if isinstance(node, nodes.Name):
        return _Condition("filled", name=node.name)
    if len(names) == 1:
        name = next(iter(names))
        assert isinstance(node, nodes.Expr)
        truth = nodes.CondExpr(node, nodes.Const("1"), nodes.Const(""), lineno=1)
        return _Condition("value", expression=_Expression(name, _over_values(truth, name, env)))
    if isinstance(node, nodes.And):
        return _Condition("and", parts=(_condition(node.left, env), _condition(node.right, env)))
    if isinstance(node, nodes.Or):
        return _Condition("or", parts=(_condition(node.left, env), _condition(node.right, env)))
    if isinstance(node, nodes.Not):
        return _Condition("not", parts=(_condition(node.node, env),))
    raise _NotMappable


def _template(statement: nodes.Stmt, env: BodyEnvironment) -> nodes.Template:
    tree = nodes.Template([statement], lineno=1)
    tree.set_environment(env)
    return tree


def _over_values(node: nodes.Expr, name: str, env: BodyEnvironment) -> JinjaTemplate:
    """The expression for a list of values in one go: a loop whose variable is the placeholder."""
    loop = nodes.For(
        nodes.Name(name, "store", lineno=1),
        nodes.Name(_VALUES, "load", lineno=1),
        [nodes.Output([node], lineno=1)],
        [],
        None,
        False,
        lineno=1,
    )
    return compiled_body(_template(loop, env), env)


def _merged(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    merged: list[_Part] = []
    for part in parts:
        if isinstance(part, _Literal) and merged and isinstance(merged[-1], _Literal):
            merged[-1] = _Literal(merged[-1].text + part.text)
        elif not (isinstance(part, _Literal) and not part.text):
            merged.append(part)
    return tuple(merged)


# --- Evaluation -----------------------------------------------------------------------------------------------------------


def _evaluate(parts: Sequence[_Part], columns: Mapping[str, ValueColumn], env: BodyEnvironment) -> pa.Array | str:
    pieces: list[pa.Array | str] = []
    for part in parts:
        if isinstance(part, _Literal):
            piece: pa.Array | str = part.text
        elif isinstance(part, _Slot):
            piece = columns[part.name].text(env.formats)
            if env.markup.escaped:
                piece = escape_column(piece)
        elif isinstance(part, _Expression):
            piece = _expressed(part, columns)
        elif isinstance(part, _Address):
            text = columns[part.checked.name].text(env.formats)
            piece = escape_column(text) if _are_web_addresses(text) else _expressed(part.checked, columns)
        else:
            piece = _chosen(part, columns, env)
        pieces.append(piece)
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        return "".join(str(piece) for piece in pieces)
    if len(pieces) == 1:
        return pieces[0]
    return pc.binary_join_element_wise(*pieces, "")


def _expressed(expression: _Expression, columns: Mapping[str, ValueColumn]) -> pa.Array:
    column = columns[expression.name]
    return pa.array(_by_values(expression, column.values), pa.string()).take(pa.array(column.indices))


def _are_web_addresses(column: pa.Array) -> bool:
    """Whether every text is empty or plainly an address that ``web_address`` leaves as it is."""
    fine = pc.or_(pc.starts_with(column, "https://"), pc.equal(column, ""))
    if not pc.all(fine).as_py() or not pc.all(pc.equal(pc.utf8_trim_whitespace(column), column)).as_py():
        return False
    data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    return not (data < 32).any()


def _whole(found: pa.Array | str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(found, pa.string()), rows) if isinstance(found, str) else found


def _chosen(part: _Choice, columns: Mapping[str, ValueColumn], env: BodyEnvironment) -> pa.Array | str:
    mask = _truth(part.condition, columns)
    if not mask.null_count:
        if pc.all(mask).as_py():
            return _evaluate(part.then, columns, env)
        if not pc.any(mask).as_py():
            return _evaluate(part.otherwise, columns, env)
    then, otherwise = _evaluate(part.then, columns, env), _evaluate(part.otherwise, columns, env)
    return pc.if_else(mask, then, otherwise)


def _truth(condition: _Condition, columns: Mapping[str, ValueColumn]) -> pa.Array:
    """True or false for each row; null where the expression fails on the row's value."""
    if condition.expression is not None:
        column = columns[condition.expression.name]
        printed = _by_values(condition.expression, column.values)
        truths = pa.array([None if text is None else text == "1" for text in printed], pa.bool_())
        return truths.take(pa.array(column.indices))
    if condition.kind == "filled":
        return columns[condition.name].truths()
    if condition.kind == "not":
        return pc.invert(_truth(condition.parts[0], columns))
    left, right = (_truth(part, columns) for part in condition.parts)
    # As in Python, the right side counts only where the left one does not decide; a failing left side always fails.
    return pc.if_else(left, right, False) if condition.kind == "and" else pc.if_else(left, True, right)


def _by_values(expression: _Expression, values: list[Any]) -> list[str | None]:
    """The expression's text for each value; nothing where it fails."""

    def render(some: list[Any]) -> list[str | None]:
        context = expression.over_values.new_context({_VALUES: some}, shared=True)
        return [str(text) for text in expression.over_values.root_render_func(context)]

    try:
        printed = render(values)
    except RENDER_ERRORS:
        printed = [_one(render, value) for value in values]
    if len(printed) != len(values):
        raise AssertionError("an expression printed more or less than one text per value")
    return printed


def _one(render: Callable[[list[Any]], list[str | None]], value: Any) -> str | None:
    try:
        return render([value])[0]
    except RENDER_ERRORS:
        return None
