"""The environments in which bodies are read and rendered: Jinja2's sandbox, narrowed further, per language and markup.

No attributes, no calls, no globals, the filters of :mod:`nightmail.templates.filters` alone, and arithmetic on numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.lexer import Lexer
from jinja2.runtime import LoopContext, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nightmail.templates.filters import FILTERS, TESTS, VALUE_CHARACTERS, bounded
from nightmail.templates.formats import Formats
from nightmail.templates.lexing import BodyLexer
from nightmail.templates.numbers import computed, negated, number_of

KEPT = "kept by set"
JOINED = "joined by ~"
EXACT = "number as written"
"""Names of filters that no body can write: :mod:`nightmail.templates.language` puts them into the tree."""

LOOP_COUNTERS = ("index", "index0", "first", "last", "length")
"""What of ``loop`` a body may print."""


class Markup(Enum):
    """What a body's text becomes: decides escaping and how numbers are spaced."""

    SEGMENTS = "segments"
    """Plain text that is charged by segments: numbers are written with plain spaces, which cost least."""
    TEXT = "text"
    HTML = "html"
    XML = "xml"

    @property
    def escaped(self) -> bool:
        """Whether values are escaped."""
        return self in (Markup.HTML, Markup.XML)


def _kept(value: object) -> object:
    """The value that ``set`` keeps; bounded, so that no row of assignments can fill the memory."""
    return bounded(value) if isinstance(value, str) else value


class BodyEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox for one language and markup."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

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
            **{name: entry.bound(formats) for name, entry in FILTERS.items()},
            KEPT: _kept,
            JOINED: self._joined,
            EXACT: number_of,
        }
        self.tests = dict(TESTS)
        self._lexer = BodyLexer(self, html=markup is Markup.HTML)

    @property
    def lexer(self) -> Lexer:
        """The lexer of bodies."""
        return self._lexer

    def _joined(self, values: Sequence[object]) -> str:
        """``a ~ b`` as Jinja2 joins values, bounded."""
        if sum(len(value) for value in values if isinstance(value, str)) > VALUE_CHARACTERS:
            raise TemplateRuntimeError("a value is too long")
        return bounded(markup_join(values) if self.markup.escaped else str_join(values))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """No attribute is."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ARG002
        """Nothing may be called."""
        return False

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Refuse, but for the counters of a loop."""
        if isinstance(obj, LoopContext) and attribute in LOOP_COUNTERS:
            return getattr(obj, attribute)
        raise SecurityError("attributes are not available")

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ARG002
        """Refuse."""
        raise SecurityError("items are not available")

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Arithmetic on numbers alone, bounded."""
        return computed(operator, left, right)

    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:  # noqa: ARG002
        """A sign on numbers alone, without rounding them."""
        if isinstance(arg, bool) or number_of(arg) is None or isinstance(arg, str):
            raise TypeError("arithmetic needs numbers")
        return negated(arg) if operator == "-" else arg


@lru_cache(maxsize=512)
def environment(language: str, markup: Markup) -> BodyEnvironment:
    """The environment of a language and markup, made once."""
    return BodyEnvironment(language, markup)
