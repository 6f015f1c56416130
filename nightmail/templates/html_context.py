"""Where in an HTML page a value would land: escaping alone does not make every place safe.

Values may stand in text and inside quoted attributes. They may not stand in scripts, styles, comments, tag or attribute
names, unquoted attributes or event handlers. An address may begin with one value, which then goes through ``web_address``,
so that no ``javascript:`` passes; any further value may follow only where the kind of address is decided.

The places are followed through the branches of the body, by the states of the HTML standard's tokenizer
(:mod:`nightmail.templates.html_places`). Then the page is read by a browser's parser with marks for values
(:mod:`nightmail.templates.html_probes`), so that what only a tree shows is found as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import unescape

from jinja2 import nodes

from nightmail.templates.environments import JOINED
from nightmail.templates.filters import LINK_SCHEMES
from nightmail.templates.html_places import ESCAPABLE_ELEMENTS, Kind, Place, read
from nightmail.templates.html_probes import check_in_tree, forbidden_attribute
from nightmail.templates.model import SYSTEM_PLACEHOLDERS
from nightmail.templates.syntax import MakeError

ADDRESS_ATTRIBUTES = frozenset(
    {
        *("href", "src", "action", "formaction", "background", "cite", "poster", "xlink:href", "data", "longdesc"),
        *("usemap", "manifest", "codebase", "classid", "archive", "profile", "lowsrc", "dynsrc", "icon", "ping"),
    }
)
"""Attributes whose value is an address that a browser may open."""

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
_UNDECIDED = re.compile(r"[^/?#:]*")


@dataclass(frozen=True)
class _Spot:
    """A place in a page, and what is known of the address that it stands in."""

    place: Place
    prefix: str = ""
    """The address as the page's own text begins it."""
    begun: bool = False
    """Whether a value has begun the address, and the kind of address was not decided after it."""

    @property
    def is_decided(self) -> bool:
        """Whether no value that follows could change what kind of address it is."""
        scheme = _SCHEME.match(self.prefix)
        return scheme is not None or len(_UNDECIDED.match(self.prefix)[0]) < len(self.prefix)  # type: ignore[index]

    def after(self, text: str) -> _Spot:
        spot = self
        for part in read(spot.place, text):
            spot = replace(spot, place=part.after)
            if part.after.kind is not Kind.VALUE:
                spot = _Spot(part.after)
            elif part.within.kind is Kind.VALUE:
                spot = replace(spot, prefix=(spot.prefix + unescape(part.text)).lstrip("\x00\t\n\f\r "))
        return spot


def guard_html(tree: nodes.Template, error: MakeError) -> None:
    """Check where every value of an HTML body lands, and put ``web_address`` before those that begin an address.

    Changes ``tree``. Raises what ``error`` makes for a value in a place where escaping does not protect.
    """
    guard = _Guard(tree, error)
    end = guard.statements(tree.body, _Spot(Place())).place
    if end.kind is Kind.RAW or (end.kind is Kind.TEXT and end.tag):
        raise error(f"the HTML ends inside <{end.tag}>", 1, f"Add </{end.tag}>.")
    if end.kind not in (Kind.TEXT, Kind.COMMENT, Kind.OPENING):
        raise error("the HTML ends inside a tag", 1, "Close the last tag.")
    check_in_tree(tree, guard.stands, error)


class _Guard:
    def __init__(self, tree: nodes.Template, error: MakeError) -> None:
        self.environment = tree.environment
        self.error = error
        self.stands: dict[int, str] = {}
        """The attribute in which each value stands, by the value's ``id()``; empty for text."""

    def statements(self, body: Sequence[nodes.Node], spot: _Spot) -> _Spot:
        """Go through statements that begin at ``spot``; the spot after them."""
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes, spot = self._outputs(node.nodes, spot)
            elif isinstance(node, nodes.If):
                spot = self._branches(node, self._between(spot))
            elif isinstance(node, nodes.For):
                spot = self._loop(node, self._between(spot))
        return spot

    def _branches(self, node: nodes.If, spot: _Spot) -> _Spot:
        ends = [
            self.statements(body, spot) for body in (node.body, *(branch.body for branch in node.elif_), node.else_)
        ]
        if any(end.place != ends[0].place for end in ends):
            raise self.error(
                "the branches of an if end in different places of the HTML",
                node.lineno,
                "Put whole tags into each branch.",
            )
        return _common(ends)

    def _loop(self, node: nodes.For, spot: _Spot) -> _Spot:
        after = self._between(self.statements(node.body, spot))
        if after.place != spot.place:
            raise self.error("a loop may not open or close a tag halfway", node.lineno, "Put whole tags into it.")
        if after != spot:
            # The second turn begins where the first one ends.
            after = self._between(self.statements(node.body, _common([spot, after])))
        return _common([spot, after, self._between(self.statements(node.else_, spot))])

    def _between(self, spot: _Spot) -> _Spot:
        return replace(spot, place=spot.place.between())

    def _outputs(self, parts: Sequence[nodes.Expr], spot: _Spot) -> tuple[list[nodes.Expr], _Spot]:
        guarded: list[nodes.Expr] = []
        waiting = list(parts)
        while waiting:
            part = waiting.pop(0)
            if isinstance(part, nodes.TemplateData):
                spot = spot.after(part.data)
            else:
                part, spot = self._value(part, waiting, spot)
                self.stands[id(part)] = spot.place.attribute
            guarded.append(part)
        return guarded, spot

    def _value(self, part: nodes.Expr, following: list[nodes.Expr], spot: _Spot) -> tuple[nodes.Expr, _Spot]:
        place, line = spot.place, part.lineno
        if place.kind is Kind.OPENING and place.tag in ESCAPABLE_ELEMENTS:
            place = place._replace(kind=Kind.TEXT, pending="")
        if place.kind is Kind.TEXT:
            return part, _Spot(place)
        problem = _problem(place)
        if problem is not None:
            raise self.error(problem[0], line, problem[1])
        if place.attribute not in ADDRESS_ATTRIBUTES or spot.is_decided:
            self._refuse_dangerous_scheme(spot, line)
            return part, spot
        if isinstance(part, nodes.Name) and part.name in SYSTEM_PLACEHOLDERS:
            return part, replace(spot, prefix="https://")
        if spot.prefix or spot.begun:
            raise self.error(
                "a value may not go on with an address whose kind is not decided",
                line,
                'Write the whole address as one value, or begin it: href="https://...".',
            )
        return self._beginning(part, following, spot)

    def _refuse_dangerous_scheme(self, spot: _Spot, line: int) -> None:
        scheme = _SCHEME.match(re.sub(r"[\t\r\n]", "", spot.prefix))
        if spot.place.attribute in ADDRESS_ATTRIBUTES and scheme and scheme[1].lower() not in LINK_SCHEMES:
            raise self.error(f"a value may not stand in an address that begins with {scheme[1]}:", line)

    def _beginning(self, part: nodes.Expr, following: list[nodes.Expr], spot: _Spot) -> tuple[nodes.Expr, _Spot]:
        """The value that begins an address, joined with what follows it until the kind of address is decided."""
        members = [part]
        while following and not isinstance(members[-1], nodes.TemplateData):
            coming = following[0]
            if not isinstance(coming, nodes.TemplateData):
                members.append(following.pop(0))
                continue
            undecided = coming.data[: len(_UNDECIDED.match(coming.data.split(spot.place.quote)[0])[0])]  # type: ignore[index]
            rest = coming.data[len(undecided) :]
            if rest.startswith(":"):
                undecided, rest = f"{undecided}:", rest[1:]
            if undecided:
                members.append(nodes.Const(unescape(undecided), lineno=coming.lineno))
            if rest:
                following[0] = nodes.TemplateData(rest, lineno=coming.lineno)
                break
            following.pop(0)
        if len(members) > 1:
            part = self._through(nodes.List(members, lineno=part.lineno), JOINED)
        return self._through(part, "web_address"), replace(spot, begun=True)

    def _through(self, part: nodes.Expr, name: str) -> nodes.Filter:
        through = nodes.Filter(part, name, [], [], None, None, lineno=part.lineno)
        through.environment = self.environment
        return through


def _problem(place: Place) -> tuple[str, str] | None:
    """Why a value may not stand at a place outside of text, and what to write instead."""
    kind = place.kind
    if kind in (Kind.OPENING, Kind.TAG_NAME):
        return "a value may not be in the name of a tag", ""
    if kind is Kind.RAW:
        return f"a value may not stand inside <{place.tag}>", "Move it into the page's text."
    if kind in (Kind.COMMENT, Kind.BOGUS_COMMENT):
        return "a value may not stand inside a comment", "Remove it, or use {# ... #}."
    if kind is not Kind.VALUE or not place.quote:
        return "a value inside a tag must stand in a quoted attribute", 'Write it like href="{{ address }}".'
    if forbidden_attribute(place.tag, place.attribute):
        return f"a value may not stand in the attribute {place.attribute}", ""
    return None


def _common(spots: Sequence[_Spot]) -> _Spot:
    """What holds of a place that is reached by several ways."""
    first = spots[0]
    if all(spot == first for spot in spots):
        return first
    if all(spot.is_decided for spot in spots):
        return first
    return replace(first, prefix="", begun=True)
