"""The second look at where values stand in an HTML body: the page as a browser's parser makes a tree of it.

A mark is put in place of every value and the page is parsed by Lexbor (https://lexbor.com). A mark that turns up inside a
script, a comment or an attribute that runs as code is refused, whatever the first look (:mod:`nightmail.templates.html_context`)
has found: the tree knows of SVG's and MathML's own rules, of ``template``, and of elements that browsers move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from jinja2 import nodes
from selectolax.lexbor import LexborHTMLParser, LexborNode

from nightmail.templates.errors import TemplateError
from nightmail.templates.syntax import MakeError

VARIANTS = 8
"""The most pages that one body is looked at as, each with another branch of every ``if``."""
MIXED_VARIANTS = 4
"""Further pages, whose ``if``s take different branches."""

_FORBIDDEN_ELEMENTS = frozenset(
    {"script", "style", "iframe", "object", "embed", "noscript", "xmp", "plaintext", "template", "noembed", "noframes"}
)
_FORBIDDEN_ATTRIBUTES = frozenset({"style", "srcdoc", "srcset", "imagesrcset", "http-equiv"})
_OF_ANIMATIONS = frozenset({"from", "to", "by", "values", "attributename"})
_ANIMATIONS = frozenset({"animate", "animatemotion", "animatetransform", "animatecolor", "set"})
_MARK = re.compile(r"nightmailvalue(\d+)x")


def forbidden_attribute(tag: str, attribute: str) -> bool:
    """Whether no value may stand in an attribute: it runs as code, or holds more than one address."""
    return (
        attribute.startswith("on")
        or attribute in _FORBIDDEN_ATTRIBUTES
        or (tag == "base" and attribute == "href")
        or (tag in _ANIMATIONS and attribute in _OF_ANIMATIONS)
    )


def check_in_tree(tree: nodes.Template, stands: Mapping[int, str], error: MakeError) -> None:
    """Raise what ``error`` makes for a value that a browser would find in a place where it must not stand.

    ``stands`` has the attribute in which the first look found each value, by the value's ``id()``, and an empty text where
    it is in text: the tree must have it in the same place.
    """
    values = [part for output in tree.find_all(nodes.Output) for part in output.nodes if _is_value(part)]
    if not values:
        return
    numbers = {id(part): number for number, part in enumerate(values)}
    branches = max((2 + len(node.elif_) for node in tree.find_all(nodes.If)), default=1)
    for variant in range(min(branches, VARIANTS) + (MIXED_VARIANTS if branches > 1 else 0)):
        page = "".join(_written(tree.body, _Choices(variant, branches), numbers))
        shown: set[int] = set()
        for number, attribute, problem in _marks(page):
            shown.add(number)
            if problem:
                raise _error(error, values[number], problem)
            if attribute != stands[id(values[number])]:
                raise _error(error, values[number], f"browsers read a value as {_place_named(attribute)}")
        for mark in _MARK.finditer(page):
            number = int(mark[1])
            if number not in shown and not stands[id(values[number])]:
                raise _error(error, values[number], "a value stands where browsers show nothing")


def _place_named(attribute: str) -> str:
    return f"that of the attribute {attribute}" if attribute else "text"


class _Choices:
    """Which branch each ``if`` of a page takes: the same one in the first variants, by turns in the others."""

    def __init__(self, variant: int, branches: int) -> None:
        self._variant = variant
        self._mixed = variant >= min(branches, VARIANTS)
        self._ifs = 0

    def take(self, branches: int) -> int:
        self._ifs += 1
        chosen = self._variant * self._ifs + self._ifs if self._mixed else min(self._variant, branches - 1)
        return chosen % branches


def _error(error: MakeError, value: nodes.Expr, problem: str) -> TemplateError:
    return error(problem, value.lineno, "Move it into the page's text.")


def _is_value(part: nodes.Node) -> bool:
    return not isinstance(part, nodes.TemplateData)


def _written(body: Sequence[nodes.Node], choices: _Choices, numbers: dict[int, int]) -> Iterator[str]:
    for node in body:
        if isinstance(node, nodes.Output):
            for part in node.nodes:
                yield part.data if isinstance(part, nodes.TemplateData) else f"nightmailvalue{numbers[id(part)]}x"
        elif isinstance(node, nodes.If):
            branches = [node.body, *(branch.body for branch in node.elif_), node.else_]
            yield from _written(branches[choices.take(len(branches))], choices, numbers)
        elif isinstance(node, nodes.For):
            yield from _written(node.body, choices, numbers)


def _marks(page: str) -> Iterator[tuple[int, str, str]]:
    """The marks in the tree of a page, each with the attribute it is in and what is wrong with its place, if anything."""
    for node, inside in _nodes(LexborHTMLParser(page).root, ""):
        if node.is_text_node:
            for mark in _MARK.finditer(node.text_content or ""):
                yield int(mark[1]), "", f"a value may not stand inside <{inside}>" if inside else ""
        elif node.is_comment_node:
            for mark in _MARK.finditer(node.comment_content or ""):
                yield int(mark[1]), "", "a value may not stand inside a comment"
        elif node.is_element_node:
            yield from _attribute_marks(node)


def _nodes(root: LexborNode | None, inside: str) -> Iterator[tuple[LexborNode, str]]:
    """All nodes of a tree in order, each with the forbidden element that it stands in, if any."""
    waiting = [(root, inside)]
    while waiting:
        node, inside = waiting.pop()
        if node is None:
            continue
        yield node, inside
        within = inside or (node.tag if node.tag in _FORBIDDEN_ELEMENTS else "") or ""
        waiting.append((node.next, inside))
        waiting.append((node.first_child, within))


def _attribute_marks(node: LexborNode) -> Iterator[tuple[int, str, str]]:
    tag = (node.tag or "").lower()
    attributes = node.attributes
    refreshes = tag == "meta" and "http-equiv" in attributes
    for mark in _MARK.finditer(tag):
        yield int(mark[1]), "", "a value may not be in the name of a tag"
    for name, value in attributes.items():
        for mark in _MARK.finditer(name):
            yield int(mark[1]), "", "a value inside a tag must stand in a quoted attribute"
        for mark in _MARK.finditer(value or ""):
            refused = forbidden_attribute(tag, name.lower()) or (refreshes and name == "content")
            yield int(mark[1]), name.lower(), f"a value may not stand in the attribute {name}" if refused else ""
