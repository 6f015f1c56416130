"""Where in an HTML page a value would land: escaping alone does not make every place safe.

Values may stand in text and inside quoted attributes. They may not stand in scripts, styles, comments, tag or attribute
names, unquoted attributes or event handlers. At the start of a link's address they go through ``web_address``, which lets
no ``javascript:`` pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from jinja2 import nodes

from nightmail.templates.errors import TemplateError
from nightmail.templates.model import SYSTEM_PLACEHOLDERS

_ADDRESS_ATTRIBUTES = frozenset({"href", "src", "action", "formaction", "background", "cite", "poster", "xlink:href"})
_RAW_ELEMENTS = frozenset({"script", "style", "iframe", "object", "embed", "noscript", "xmp", "plaintext", "template"})
_FORBIDDEN_ATTRIBUTES = frozenset({"style", "srcdoc", "srcset"})
_SPACES = " \t\r\n\f/"


@dataclass(frozen=True)
class _Place:
    """A place in a page: ``kind`` is text, comment, raw, tag_name, tag, attribute, before_value or value."""

    kind: str = "text"
    name: str = ""
    attribute: str = ""
    quote: str = ""
    empty: bool = True
    """Whether nothing of the value has come yet."""
    closing: bool = False
    tail: str = ""
    """The last characters, to see ends such as ``-->`` that are cut in two."""


def _after(place: _Place, text: str) -> _Place:
    """The place after ``text``: the few states of HTML's tokenizer that matter here."""
    for sign in text:
        kind = place.kind
        if kind in ("text", "raw", "comment"):
            tail = (place.tail + sign)[-16:]
            place = replace(place, tail=tail)
            if kind == "comment":
                if tail.endswith("-->"):
                    place = _Place()
            elif kind == "raw":
                if tail.lower().endswith(f"</{place.name}"):
                    place = _Place(kind="tag", name=place.name, closing=True)
            elif tail.endswith("<!--"):
                place = _Place(kind="comment")
            elif len(tail) > 1 and tail[-2] == "<" and (sign.isalpha() or sign in "/!?"):
                place = (
                    place
                    if sign in "!?"
                    else _Place(kind="tag_name", name=sign if sign != "/" else "", closing=sign == "/")
                )
        elif kind == "tag_name":
            if sign == ">":
                place = _end_of_tag(place)
            elif sign in _SPACES:
                place = replace(place, kind="tag")
            else:
                place = replace(place, name=place.name + sign.lower())
        elif kind == "tag":
            if sign == ">":
                place = _end_of_tag(place)
            elif sign not in _SPACES:
                place = replace(place, kind="attribute", attribute=sign.lower())
        elif kind == "attribute":
            if sign == ">":
                place = _end_of_tag(place)
            elif sign == "=":
                place = replace(place, kind="before_value")
            elif sign in _SPACES:
                # ``a =`` is rare; what follows is taken for a new attribute, which is the stricter reading.
                place = replace(place, kind="tag")
            else:
                place = replace(place, attribute=place.attribute + sign.lower())
        elif kind == "before_value":
            if sign in "\"'":
                place = replace(place, kind="value", quote=sign, empty=True)
            elif sign == ">":
                place = _end_of_tag(place)
            elif sign not in _SPACES:
                place = replace(place, kind="value", quote="", empty=False)
        elif kind == "value":
            if (place.quote and sign == place.quote) or (not place.quote and sign in " \t\r\n\f"):
                place = replace(place, kind="tag", attribute="", quote="")
            elif not place.quote and sign == ">":
                place = _end_of_tag(place)
            else:
                place = replace(place, empty=place.empty and sign.isspace())
    return place


def _end_of_tag(place: _Place) -> _Place:
    name = place.name.lower()
    return _Place(kind="raw", name=name) if name in _RAW_ELEMENTS and not place.closing else _Place()


def guard_html(tree: nodes.Template, error: Callable[..., TemplateError]) -> None:
    """Check where every value of an HTML body lands, and put ``web_address`` before those that start an address.

    Changes ``tree``. Raises what ``error`` makes for a value in a place where escaping does not protect.
    """

    def statements(body: Sequence[nodes.Node], place: _Place) -> _Place:
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes, place = outputs(node, place)
            elif isinstance(node, nodes.If):
                place = branches(node, place)
            elif isinstance(node, nodes.For):
                after = statements(node.body, place)
                if _differs(after, place):
                    raise error("a loop may not open or close a tag halfway.", node.lineno, "Put whole tags into it.")
                statements(node.else_, place)
        return place

    def branches(node: nodes.If, place: _Place) -> _Place:
        ends = [statements(node.body, place)]
        ends += [statements(branch.body, place) for branch in node.elif_]
        ends.append(statements(node.else_, place))
        if any(_differs(end, ends[0]) for end in ends):
            raise error(
                "the branches of an if end in different places of the HTML.",
                node.lineno,
                "Put whole tags into each branch.",
            )
        return ends[0]

    def outputs(node: nodes.Output, place: _Place) -> tuple[list[nodes.Expr], _Place]:
        guarded: list[nodes.Expr] = []
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                place = _after(place, part.data)
                guarded.append(part)
                continue
            expression, place = value(part, place)
            guarded.append(expression)
        return guarded, place

    def value(part: nodes.Expr, place: _Place) -> tuple[nodes.Expr, _Place]:
        line = part.lineno
        if place.kind == "text":
            if place.tail.endswith("<") or place.tail.endswith("</"):
                raise error("a value may not be in the name of a tag.", line)
            return part, replace(place, tail="")
        if place.kind == "tag_name":
            raise error("a value may not be in the name of a tag.", line)
        if place.kind == "raw":
            raise error(f"a value may not stand inside <{place.name}>.", line, "Move it into the page's text.")
        if place.kind == "comment":
            raise error("a value may not stand inside a comment.", line, "Remove it, or use {# ... #}.")
        if place.kind != "value" or not place.quote:
            raise error(
                "a value inside a tag must stand in a quoted attribute.", line, 'Write it like href="{{ address }}".'
            )
        if place.attribute.startswith("on") or place.attribute in _FORBIDDEN_ATTRIBUTES:
            raise error(f"a value may not stand in the attribute {place.attribute}.", line)
        if place.attribute in _ADDRESS_ATTRIBUTES and place.empty and not _is_system(part):
            part = nodes.Filter(part, "web_address", [], [], None, None, lineno=line)
            part.environment = tree.environment
        return part, replace(place, empty=False)

    end = statements(tree.body, _Place())
    if end.kind not in ("text", "comment"):
        raise error("the HTML ends inside a tag.", 1, "Close the last tag.")


def _is_system(part: nodes.Expr) -> bool:
    return isinstance(part, nodes.Name) and part.name in SYSTEM_PLACEHOLDERS


def _differs(one: _Place, other: _Place) -> bool:
    return replace(one, tail="", empty=True) != replace(other, tail="", empty=True)
