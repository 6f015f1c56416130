"""Bodies rendered by columns: the part of the language that maps to whole columns, evaluated with Arrow.

What maps: text, placeholders, expressions over one placeholder (evaluated by Jinja2 itself, once per distinct value), and
``if`` / ``else`` whose conditions are made of such expressions with ``and``, ``or``, ``not``. A body with anything else
(a loop, an expression over two placeholders) is rendered row by row by Jinja2. Both ways must give the same text; each
run compares a sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jinja2 import Template as JinjaTemplate
from jinja2 import nodes

from nightmail.templates.environments import BodyEnvironment
from nightmail.templates.language import RENDER_ERRORS, compiled_body, render_row
from nightmail.templates.names import names_in
from nightmail.templates.value_columns import ValueColumn

COLUMN_BYTES = 256 * 1024 * 1024
"""The most that the texts of some rows take, and the values that an expression makes for them."""

_VALUES = "nightmail_values"
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;"))


class TextsTooLarge(Exception):  # noqa: N818
    """The texts of some rows take more than :data:`COLUMN_BYTES`: fewer rows are to be rendered at once."""


def escape_column(column: pa.Array) -> pa.Array:
    """The texts as markupsafe escapes them."""
    buffer = column.buffers()[2]
    if buffer is None:
        return column
    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    data = memoryview(buffer)[offsets[column.offset] : offsets[column.offset + len(column)]].tobytes()
    for character, replacement in _ESCAPES:
        if character.encode() in data:
            column = pc.replace_substring(column, character, replacement)
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
        """The texts of all rows; null where the body fails on a row's values.

        Raises :class:`TextsTooLarge` for more than one row.
        """
        assert self._plan is not None
        try:
            return _whole(_evaluate(self._plan, columns, self.env), rows)
        except TextsTooLarge:
            if rows > 1:
                raise
            return pa.array(self.by_rows(columns, range(rows)), pa.string())

    def by_rows(self, columns: Mapping[str, ValueColumn], rows: Sequence[int] | range) -> list[str | None]:
        """The same by Jinja2 itself, for some rows; each text is cut off beyond every channel's limit.

        Raises :class:`TextsTooLarge` for more than one row.
        """
        used = [(name, columns[name]) for name in self.names]
        texts: list[str | None] = []
        characters = 0
        for row in rows:
            text = render_row(self.jinja, {name: column.at(row) for name, column in used})
            texts.append(text)
            characters += len(text or "")
            if characters > COLUMN_BYTES and len(rows) > 1:
                raise TextsTooLarge
        return texts


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
            if not _are_web_addresses(text):
                piece = _expressed(part.checked, columns)
            else:
                piece = escape_column(text) if env.markup.escaped else text
        else:
            piece = _chosen(part, columns, env)
        pieces.append(piece)
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        return "".join(str(piece) for piece in pieces)
    if len(pieces) == 1:
        return pieces[0]
    if sum(piece.nbytes for piece in pieces if isinstance(piece, pa.Array)) > COLUMN_BYTES:
        raise TextsTooLarge
    return pc.binary_join_element_wise(*pieces, "")


def _expressed(expression: _Expression, columns: Mapping[str, ValueColumn]) -> pa.Array:
    column = columns[expression.name]
    texts = pa.array(_by_values(expression, column.values), pa.string())
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    if np.nansum(lengths[column.indices]) > COLUMN_BYTES:
        raise TextsTooLarge
    return texts.take(pa.array(column.indices))


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
    """The expression's text for each value; ``None`` where it fails. Raises :class:`TextsTooLarge`."""

    def render(some: list[Any]) -> list[str | None]:
        context = expression.over_values.new_context({_VALUES: some}, shared=True)
        texts: list[str | None] = []
        characters = 0
        for text in expression.over_values.root_render_func(context):
            texts.append(str(text))
            characters += len(text)
            if characters > COLUMN_BYTES and len(some) > 1:
                raise TextsTooLarge
        return texts

    try:
        printed = render(values)
    except RENDER_ERRORS:
        printed = []
        characters = 0
        for value in values:
            printed.append(_one(render, value))
            characters += len(printed[-1] or "")
            if characters > COLUMN_BYTES and len(values) > 1:
                raise TextsTooLarge from None
    if len(printed) != len(values):
        raise AssertionError("an expression printed more or less than one text per value")
    return printed


def _one(render: Callable[[list[Any]], list[str | None]], value: Any) -> str | None:
    try:
        return render([value])[0]
    except RENDER_ERRORS:
        return None
