"""Filters and tests of bodies, each with the arguments that it takes.

A filter is a :class:`Filter`: its function and its parameters. Arguments that are written in the template are checked when
the template is read (:func:`argument_problem`), so that a mistake is found once and by its author, not row by row.
Numbers and styles must be written there; texts may come from a placeholder. What a filter makes is bounded by the constants
below; a row that goes beyond them fails.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from markupsafe import escape

from nightmail.templates.formats import DATE_STYLES, Formats, read_date
from nightmail.templates.numbers import ROUND_DIGITS, absolute, is_number_like, number_of, rounded

VALUE_CHARACTERS = 1024 * 1024
"""The most characters that a filter, a ``~`` or a ``set`` may make of values."""
SPLIT_ITEMS = 500
"""The most items of ``split``: bounds what a loop can cost."""
TRUNCATE_CHARACTERS = 100_000
"""The greatest length that ``truncate`` takes."""
FORMAT_WIDTH = 1000
"""The greatest width and precision of a directive of ``format``."""
FORMAT_PARTS = 50
"""The most directives of ``format``."""


def bounded(text: str) -> str:
    """The text itself. Raises ``TemplateRuntimeError`` where it is longer than :data:`VALUE_CHARACTERS`."""
    if len(text) > VALUE_CHARACTERS:
        raise TemplateRuntimeError("a value is too long")
    return text


def is_empty(value: object) -> bool:
    """Whether a value is none or an empty text: what an empty cell is in a body."""
    return value is None or (isinstance(value, str) and not value)


# --- What filters do ----------------------------------------------------------------------------------------------------


def _default(value: object, default_value: object = "", boolean: bool = False) -> object:
    return default_value if is_empty(value) or (boolean and not value) else value


def _replace(value: object, old: str, new: str) -> str:
    text, old, new = str(value), str(old), str(new)
    if not old:
        raise TemplateRuntimeError("replace needs a text to look for")
    if len(text) + text.count(old) * max(len(new) - len(old), 0) > VALUE_CHARACTERS:
        raise TemplateRuntimeError("a value is too long")
    return text.replace(old, new)


def _truncate(value: object, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5) -> str:
    """As Jinja2 does it: whole words, and a text that is longer by no more than ``leeway`` stays."""
    text = str(value)
    if len(text) <= length + leeway:
        return text
    begin = text[: length - len(end)]
    return f"{begin if killwords else begin.rsplit(' ', 1)[0]}{end}"


_BETWEEN_WORDS = re.compile(r"([-\s({\[<]+)")


def _title(value: object) -> str:
    return bounded("".join(part[:1].upper() + part[1:].lower() for part in _BETWEEN_WORDS.split(str(value))))


_DIRECTIVE = re.compile(r"%(?:(%)|([-+ 0#]*)(\d*)(?:\.(\d*))?([sdifFeEgGoxX]))")
_TEXT_DIRECTIVES = "s"


def _format(value: object, *parts: object) -> str:
    text = str(value)
    problem = format_problem(text, len(parts))
    if problem is not None:
        raise TemplateRuntimeError(problem)
    rest = iter(parts)

    def written(match: re.Match[str]) -> str:
        if match[1]:
            return "%"
        part = next(rest)
        if match[5] in "fF" and isinstance(part, Decimal):
            return _fixed(part, match)
        return match[0] % (part,)

    return bounded(_DIRECTIVE.sub(written, text))


def _fixed(number: Decimal, directive: re.Match[str]) -> str:
    """``%.2f`` of a decimal with all its digits; Python's ``%`` would go by way of a binary number."""
    flags, width, digits = directive[2], int(directive[3] or 0), int(directive[4] or (6 if directive[4] is None else 0))
    sign = "+" if "+" in flags else " " if " " in flags else "-"
    if "-" in flags:
        return f"{number:{sign}.{digits}f}".ljust(width)
    return f"{number:{sign}{'0' if '0' in flags else ''}{width or ''}.{digits}f}"


def format_problem(text: str, parts: int | None) -> str | None:
    """What is wrong with a text of ``format`` that is given so many parts, if anything."""
    if "%" in _DIRECTIVE.sub("", text):
        return "format takes directives such as %s, %d and %.2f, and %% for a percent sign"
    directives = [match for match in _DIRECTIVE.finditer(text) if not match[1]]
    if len(directives) > FORMAT_PARTS:
        return f"format takes at most {FORMAT_PARTS} directives"
    if any(int(size[:9] or 0) > FORMAT_WIDTH for match in directives for size in (match[3], match[4] or "")):
        return f"format takes no width over {FORMAT_WIDTH:,}"
    if parts is not None and len(directives) != parts:
        return f"format has {len(directives)} directives and {parts} values"
    return None


def _split(value: object, separator: str = ";") -> list[str]:
    if not separator:
        raise TemplateRuntimeError("split needs a separator")
    items = [stripped for item in str(value).split(separator) if (stripped := item.strip())]
    if len(items) > SPLIT_ITEMS:
        raise TemplateRuntimeError(f"a value has more than {SPLIT_ITEMS} parts")
    return items


def _join(value: Sequence[object], d: str = ", ") -> str:
    if isinstance(value, str):
        return value
    texts = [str(item) for item in value]
    if sum(map(len, texts)) + len(d) * max(len(texts) - 1, 0) > VALUE_CHARACTERS:
        raise TemplateRuntimeError("a value is too long")
    return d.join(texts)


def _number_or(value: object, default: object) -> object:
    """A text without digits has no number, and the default stands for it; one with digits may be an amount.

    So ``n/a`` is 0, as in Jinja2, and a row with ``1,234`` fails: 0 would be another amount.
    """
    number = number_of(value)
    if number is not None:
        return number
    if default is None and is_number_like(value):
        raise TemplateRuntimeError("a value is no plain number such as 1234.5")
    return 0 if default is None else default


def _int(value: object, default: object = None) -> object:
    number = _number_or(value, default)
    return int(number) if isinstance(number, Decimal) else number


def _float(value: object, default: object = None) -> object:
    number = _number_or(value, default)
    if isinstance(number, Decimal):
        return number
    as_decimal = number_of(number)
    return number if as_decimal is None else as_decimal


def _round(value: object, digits: int = 0) -> Decimal:
    number = number_of(value)
    if number is None:
        raise TemplateRuntimeError("round needs a number")
    return rounded(number, digits)


def _spell(value: object) -> str:
    return bounded(" ".join(character for character in str(value) if not character.isspace()))


def web_address(value: object) -> str:
    """The value if it is an address a link may lead to, else ``#``: no ``javascript:``, no ``data:``."""
    text = str(value).strip()
    if not text.isprintable():
        # Browsers take tabs and line breaks out of addresses before they read them.
        text = re.sub(r"[\t\r\n]", "", text)
    if text.startswith(("https://", "http://")):
        return text
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.\-]*):", text)
    if scheme is not None and scheme[1].lower() in LINK_SCHEMES:
        return text
    return text if scheme is None and re.match(r"(?![/\\]{2})[^\x00-\x20:&]*([/?#]|$)", text) else "#"


LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
"""The schemes that a link's address from a placeholder may have."""


def _abs(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise TypeError("abs needs a number")
    return absolute(value)


def _first(value: Any) -> Any:
    return value[0] if value else ""


def _last(value: Any) -> Any:
    return value[-1] if value else ""


def _number_filter(formats: Formats) -> Callable[..., str]:
    def number(value: object, digits: int | None = None) -> str:
        if is_empty(value):
            return ""
        amount = number_of(value)
        if amount is None:
            return str(value)
        return formats.number(amount if digits is None else rounded(amount, digits))

    return number


def _money_filter(formats: Formats) -> Callable[..., str]:
    def money(value: object, currency: str | None = None) -> str:
        if is_empty(value):
            return ""
        amount = number_of(value)
        if amount is None:
            return str(value)
        problem = None if currency is None else currency_problem(currency)
        if problem is not None:
            raise TemplateRuntimeError(problem)
        return formats.money(amount, currency or getattr(amount, "currency", None))

    return money


def _date_filter(formats: Formats) -> Callable[..., str]:
    def date_(value: object, style: str = "long") -> str:
        day = value if isinstance(value, date) else read_date(str(value))
        return ("" if value is None else str(value)) if day is None else formats.date(day, style)

    return date_


# --- What filters take --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """A parameter of a filter: ``check`` says what is wrong with a value written in the template, if anything."""

    name: str
    check: Callable[[Any], str | None]
    needed: bool = False
    written: bool = False
    """Whether the value must stand in the template itself."""


@dataclass(frozen=True)
class Filter:
    """A filter: what it does, and what it takes. ``many`` takes any number of values, as ``format`` does."""

    function: Callable[..., Any] | None
    parameters: tuple[Parameter, ...] = ()
    many: bool = False
    of_language: Callable[[Formats], Callable[..., Any]] | None = None
    """Makes the function for a language, where what it writes depends on it."""

    def bound(self, formats: Formats) -> Callable[..., Any]:
        """The function in the language of ``formats``."""
        function = self.function if self.of_language is None else self.of_language(formats)
        assert function is not None
        return function


def _anything(value: object) -> str | None:  # noqa: ARG001
    return None


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "must be a text"


def _filled_text(value: object) -> str | None:
    return None if isinstance(value, str) and value else "must be a text that is not empty"


def _yes_or_no(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _whole_number(least: int, most: int) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return None if is_whole and least <= value <= most else f"must be a whole number from {least} to {most:,}"  # type: ignore[operator]

    return check


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


def currency_problem(value: object) -> str | None:
    """A currency that is none would be printed in front of the amount as it stands."""
    return None if value in _currencies() else "must be a currency's three letters (ISO 4217), such as EUR"


def _date_style(value: object) -> str | None:
    return None if value in DATE_STYLES else f"must be one of {', '.join(DATE_STYLES)}"


_DIGITS = Parameter("digits", _whole_number(0, ROUND_DIGITS), written=True)
_DEFAULT = Filter(_default, (Parameter("default_value", _anything), Parameter("boolean", _yes_or_no, written=True)))

FILTERS: Mapping[str, Filter] = {
    "upper": Filter(lambda value: bounded(str(value).upper())),
    "lower": Filter(lambda value: bounded(str(value).lower())),
    "title": Filter(_title),
    "capitalize": Filter(lambda value: bounded(str(value).capitalize())),
    "trim": Filter(lambda value: str(value).strip()),
    "length": Filter(len),
    "count": Filter(len),
    "default": _DEFAULT,
    "d": _DEFAULT,
    "replace": Filter(_replace, (Parameter("old", _filled_text, needed=True), Parameter("new", _text, needed=True))),
    "truncate": Filter(
        _truncate,
        (
            Parameter("length", _whole_number(1, TRUNCATE_CHARACTERS), written=True),
            Parameter("killwords", _yes_or_no, written=True),
            Parameter("end", _text, written=True),
            Parameter("leeway", _whole_number(0, TRUNCATE_CHARACTERS), written=True),
        ),
    ),
    "split": Filter(_split, (Parameter("separator", _filled_text),)),
    "join": Filter(_join, (Parameter("d", _text),)),
    "first": Filter(_first),
    "last": Filter(_last),
    "format": Filter(_format, many=True),
    "string": Filter(str),
    "reverse": Filter(lambda value: str(value)[::-1]),
    "wordcount": Filter(lambda value: len(re.findall(r"\w+", str(value)))),
    "escape": Filter(escape),
    "e": Filter(escape),
    "int": Filter(_int, (Parameter("default", _anything),)),
    "float": Filter(_float, (Parameter("default", _anything),)),
    "round": Filter(_round, (_DIGITS,)),
    "abs": Filter(_abs),
    "urlencode": Filter(lambda value: bounded(quote(str(value), safe=""))),
    "spell": Filter(_spell),
    "web_address": Filter(web_address),
    "number": Filter(None, (_DIGITS,), of_language=_number_filter),
    "money": Filter(None, (Parameter("currency", currency_problem),), of_language=_money_filter),
    "date": Filter(None, (Parameter("style", _date_style, written=True),), of_language=_date_filter),
}
"""The filters, by name."""


TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not is_empty(value),
    "undefined": is_empty,
    "none": is_empty,
    "in": lambda value, among: value in among,
    "eq": lambda value, other: bool(value == other),
    "ne": lambda value, other: bool(value != other),
    "even": lambda value: int(value) % 2 == 0,
    "odd": lambda value: int(value) % 2 == 1,
}
"""The tests (``x is ...``), by name."""
TESTS_WITH_ARGUMENT = frozenset({"in", "eq", "ne"})


def argument_problem(node: nodes.Filter) -> str | None:
    """What is wrong with the arguments of a filter as written in a template, if anything."""
    entry = FILTERS[node.name]
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return f"the filter {node.name} takes plain arguments"
    if entry.many:
        return _format_arguments_problem(node)
    names = [parameter.name for parameter in entry.parameters]
    if len(node.args) > len(names):
        return f"the filter {node.name} takes {_count(len(names))}"
    given: dict[str, nodes.Node] = dict(zip(names, node.args, strict=False))
    for keyword in node.kwargs:
        name = str(keyword.key)
        if name not in names:
            return f"the filter {node.name} has no argument {name}"
        if name in given:
            return f"the filter {node.name} is given {name} twice"
        given[name] = keyword.value
    for parameter in entry.parameters:
        if parameter.name not in given:
            if parameter.needed:
                return f"the filter {node.name} needs {parameter.name}"
            continue
        argument = given[parameter.name]
        written = literal(argument)
        problem = (
            parameter.check(written[0])
            if written is not None
            else "must stand in the template itself"
            if parameter.written
            else None
        )
        if problem is not None:
            return f"{parameter.name} of the filter {node.name} {problem}"
    if node.name == "truncate":
        return _truncate_problem(given)
    return None


def _count(arguments: int) -> str:
    return "no argument" if not arguments else f"at most {arguments} argument{'s' if arguments > 1 else ''}"


def literal(node: nodes.Node) -> tuple[Any] | None:
    """The value of a literal, such as ``2`` or ``-1`` or ``"a"``; nothing for any other expression."""
    if isinstance(node, nodes.Const):
        return (node.value,)
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const) and isinstance(node.node.value, (int, float)):
        return (-node.node.value,)
    return None


def _truncate_problem(given: Mapping[str, nodes.Node]) -> str | None:
    def written(name: str, otherwise: Any) -> Any:
        found = literal(given[name]) if name in given else None
        return otherwise if found is None else found[0]

    if written("length", 255) < len(written("end", "...")):
        return "length of the filter truncate must be greater than that of its end"
    return None


def _format_arguments_problem(node: nodes.Filter) -> str | None:
    if node.kwargs:
        return "the filter format takes its values by order"
    if len(node.args) > FORMAT_PARTS:
        return f"the filter format takes at most {FORMAT_PARTS} values"
    written = literal(node.node) if node.node is not None else None
    if written is None:
        return None
    text = str(written[0])
    problem = format_problem(text, len(node.args))
    if problem is not None:
        return problem
    directives = [match for match in _DIRECTIVE.finditer(text) if not match[1]]
    for directive, argument in zip(directives, node.args, strict=True):
        value = literal(argument)
        if value is not None and directive[5] not in _TEXT_DIRECTIVES and isinstance(value[0], (str, bool)):
            return f"{directive[0]} of the filter format needs a number"
    return None
