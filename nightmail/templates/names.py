"""The names in a body's syntax tree: which placeholders it uses, and which of them may be empty."""

from __future__ import annotations

from jinja2 import nodes


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


def optional_names(tree: nodes.Template) -> frozenset[str]:
    """Names whose emptiness the body copes with: tested by an ``if``, an ``or`` or an ``and``, or given a ``default``.

    A value that ``set`` makes is as optional as those it is made of.
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
