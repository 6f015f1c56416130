"""What a body may say: its syntax tree is checked against a list of what is allowed before it is compiled.

So Jinja2's sandbox is the second wall, not the first. The check also puts the bounds into the tree: what ``set`` keeps and
``~`` joins is bounded, and numbers with a decimal point are decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import nodes

from nightmail.templates.environments import EXACT, JOINED, KEPT, LOOP_COUNTERS
from nightmail.templates.errors import TemplateError
from nightmail.templates.filters import FILTERS, TESTS, TESTS_WITH_ARGUMENT, argument_problem
from nightmail.templates.unprintable import UNPRINTABLE

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

MakeError = Callable[..., TemplateError]
"""Makes the error of a body: ``(problem, line within the body, advice)``."""


def check(tree: nodes.Template, error: MakeError) -> None:
    """Raise the error of what a body may not say; put the bounds into the tree. Changes ``tree``."""
    try:
        _Checker(tree, error).visit(tree, 0)
    except RecursionError:
        raise error("the body is nested too deeply", 1) from None


class _Checker:
    def __init__(self, tree: nodes.Template, error: MakeError) -> None:
        self.environment = tree.environment
        self.error = error

    def visit(self, node: nodes.Node, loops: int) -> None:
        """Check a node that stands in so many loops, and all below it."""
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "loop":
            self._counter(node, loops)
            return
        if not isinstance(node, _ALLOWED_NODES) or isinstance(node, nodes.Pow):
            words = _NODE_WORDS.get(type(node).__name__, f"{type(node).__name__.lower()} is")
            raise self.error(
                f"{words} not available in a template", node.lineno, "Use placeholders, filters, if and for alone."
            )
        if isinstance(node, nodes.Name):
            self._name(node)
        elif isinstance(node, nodes.Const):
            self._const(node)
        elif isinstance(node, _ARITHMETIC):
            self._arithmetic(node)
        elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
            node.expr2 = nodes.Const("", lineno=node.lineno)
        elif isinstance(node, nodes.Filter):
            self._filter(node)
        elif isinstance(node, nodes.Test):
            self._test(node)
        elif isinstance(node, nodes.For):
            self._loop(node, loops)
        elif isinstance(node, nodes.Assign):
            self._assignment(node, loops)
            return
        self._children(node, loops + isinstance(node, nodes.For))

    def _children(self, node: nodes.Node, loops: int) -> None:
        for field, value in node.iter_fields():
            if isinstance(value, list):
                for at, child in enumerate(value):
                    if isinstance(child, nodes.Node):
                        self.visit(child, loops)
                        value[at] = self._bounded(child)
            elif isinstance(value, nodes.Node):
                self.visit(value, loops)
                setattr(node, field, self._bounded(value))

    def _bounded(self, node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Concat):
            return self._through(nodes.List(node.nodes, lineno=node.lineno), JOINED)
        if isinstance(node, nodes.Const) and isinstance(node.value, float):
            return self._through(nodes.Const(repr(node.value), lineno=node.lineno), EXACT)
        return node

    def _through(self, node: nodes.Expr, name: str) -> nodes.Filter:
        through = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
        through.environment = self.environment
        return through

    def _counter(self, node: nodes.Getattr, loops: int) -> None:
        if not loops or node.attr not in LOOP_COUNTERS:
            raise self.error(
                f"loop.{node.attr} is not available", node.lineno, f"There is loop.{', loop.'.join(LOOP_COUNTERS)}."
            )

    def _name(self, node: nodes.Name) -> None:
        if node.name in _RESERVED_NAMES or node.name.startswith("_"):
            raise self.error(f"{node.name} is not a placeholder's name", node.lineno)

    def _const(self, node: nodes.Const) -> None:
        if isinstance(node.value, str) and UNPRINTABLE.search(node.value):
            raise self.error("a text holds a control character", node.lineno, "Remove it.")

    def _arithmetic(self, node: nodes.BinExpr) -> None:
        for side in (node.left, node.right):
            if isinstance(side, nodes.Const) and (
                isinstance(side.value, bool) or not isinstance(side.value, (int, float))
            ):
                raise self.error("arithmetic needs numbers", node.lineno, "Join texts with ~.")

    def _assignment(self, node: nodes.Assign, loops: int) -> None:
        if not isinstance(node.target, nodes.Name):
            raise self.error("set gives one name a value", node.lineno, "Write {% set name = value %}.")
        self.visit(node.target, loops)
        self.visit(node.node, loops)
        bounded = self._bounded(node.node)
        assert isinstance(bounded, nodes.Expr)  # what an expression becomes is one
        node.node = self._through(bounded, KEPT)

    def _filter(self, node: nodes.Filter) -> None:
        if node.name not in FILTERS:
            raise self.error(
                f"there is no filter {node.name}", node.lineno, f"Use one of {', '.join(sorted(FILTERS))}."
            )
        problem = "a filter stands after a value" if node.node is None else argument_problem(node)
        if problem is not None:
            raise self.error(problem, node.lineno)

    def _test(self, node: nodes.Test) -> None:
        if node.name not in TESTS:
            raise self.error(f"there is no test {node.name}", node.lineno, f"Use one of {', '.join(sorted(TESTS))}.")
        wanted = 1 if node.name in TESTS_WITH_ARGUMENT else 0
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.kwargs or len(node.args) != wanted:
            takes = "takes one value" if wanted else "takes no value"
            raise self.error(f"the test {node.name} {takes}", node.lineno)

    def _loop(self, node: nodes.For, loops: int) -> None:
        if loops:
            raise self.error("a loop may not stand in a loop", node.lineno)
        if node.recursive or not isinstance(node.target, nodes.Name):
            raise self.error("a loop is written {% for item in name|split(';') %}", node.lineno)
        if not (isinstance(node.iter, nodes.Filter) and node.iter.name == "split"):
            raise self.error(
                "a loop goes over the parts of a value", node.lineno, "Write {% for item in name|split(';') %}."
            )
