"""Numbers in bodies: how a cell becomes one, and arithmetic that neither rounds an amount nor grows without bound.

A cell such as ``1e10000000`` is sixteen characters long and would be a number of ten million digits; a body could multiply
its way there as well. So the digits and the exponent of every number are bounded, and a row that goes beyond the bounds
fails. Python's own ``decimal`` rounds to 28 digits without a word, which is fewer than a column of amounts may have
(38): sums and products are computed with more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from jinja2.exceptions import TemplateRuntimeError

from nightmail.templates.formats import Money

CELL_CHARACTERS = 80
"""The most characters of a cell that is read as a number: 38 digits, 18 decimals, sign, exponent and some zeros."""
EXPONENT = 40
"""The most digits before the decimal point, and the most zeros after it."""
ROUND_DIGITS = 12
"""The most decimals that a filter rounds to."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_QUOTIENTS = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""A third has no end: 28 digits, as Python has them."""
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,9})?")

Number = int | float | Decimal


def number_of(value: object) -> Decimal | None:
    """The number that a value is, or that a text states plainly (``1234.5``, ``1e5``); ``None`` for any other text.

    Raises ``TemplateRuntimeError`` for a number beyond :data:`EXPONENT`.
    """
    if isinstance(value, Decimal):
        return bounded_number(value)
    if isinstance(value, (bool, int, float)):
        return bounded_number(Decimal(str(value) if isinstance(value, float) else int(value)))
    text = str(value).strip()
    if len(text) > CELL_CHARACTERS or _NUMBER.fullmatch(text) is None:
        return None
    return bounded_number(Decimal(text))


def bounded_number(number: Decimal) -> Decimal:
    """The number itself. Raises ``TemplateRuntimeError`` where it is too large, too small or none (NaN)."""
    if not number.is_finite() or (number and abs(number.adjusted()) > EXPONENT):
        raise TemplateRuntimeError("a number is too large or too small")
    if not number and abs(number.adjusted()) > EXPONENT:
        return Decimal(0)
    return number


def _bounded_integer(number: int) -> int:
    if abs(number) >= 10**EXPONENT:
        raise TemplateRuntimeError("a number is too large")
    return number


def is_number_like(value: object) -> bool:
    """Whether a text that is no number has digits, as ``1,234.50`` has: it may well be an amount."""
    return any(character.isdigit() for character in str(value))


def rounded(number: Decimal, digits: int) -> Decimal:
    """The number with so many decimals, halves to the even digit, as Python and Jinja2 round."""
    found = number.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    return Money(found, number.currency) if isinstance(number, Money) else found


def absolute(number: Number) -> Number:
    """The number without its sign, with all its digits."""
    if isinstance(number, Money):
        return Money(number.copy_abs(), number.currency)
    return number.copy_abs() if isinstance(number, Decimal) else abs(number)


def negated(number: Number) -> Number:
    """The number with the other sign, with all its digits."""
    if isinstance(number, Money):
        return Money(number.copy_negate(), number.currency)
    return number.copy_negate() if isinstance(number, Decimal) else -number


_OPERATIONS: Mapping[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": _QUOTIENTS.divide,
    "//": _EXACT.divide_int,
    "%": _EXACT.remainder,
}
_OF_INTEGERS: Mapping[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "//": int.__floordiv__,
    "%": int.__mod__,
}


def computed(operator: str, left: object, right: object) -> Number:
    """The result of ``left operator right``: whole numbers stay whole, all else is decimal, nothing is binary.

    Raises ``TypeError`` for what is no number: ``*`` on a text could fill the memory.
    """
    for side in (left, right):
        if isinstance(side, bool) or not isinstance(side, (int, float, Decimal)):
            raise TypeError("arithmetic needs numbers")
        if isinstance(side, int):
            _bounded_integer(side)
    if isinstance(left, int) and isinstance(right, int) and operator in _OF_INTEGERS:
        return _bounded_integer(_OF_INTEGERS[operator](left, right))
    one, other = number_of(left), number_of(right)
    assert one is not None and other is not None  # numbers always are
    return bounded_number(_OPERATIONS[operator](one, other))
