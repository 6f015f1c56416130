"""A block of CSV as bytes: where its line ends and quotes are, and so where its records begin and end.

All of a block is looked at by NumPy at once; what is odd is left to :mod:`nightmail.contact_files.csv_records`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_QUOTES_AT_ONCE = 8192
_LF, _CR = 10, 13


@dataclass
class LineEnds:
    """How often each line end was met."""

    lf: int = 0
    crlf: int = 0
    cr: int = 0

    @property
    def name(self) -> str:
        """``LF``, ``CRLF``, ``CR`` or ``mixed``."""
        met = [name for name, count in (("LF", self.lf), ("CRLF", self.crlf), ("CR", self.cr)) if count > 0]
        return met[0] if len(met) == 1 else "mixed" if met else "LF"


@dataclass
class Records:
    """Whole records of a block: where each begins and ends in ``data``, and its line."""

    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    """Where each one's line end is (the LF of a CRLF)."""
    lines: np.ndarray
    quoted_ends: bool
    """Whether there are line ends inside values."""

    def raw(self, row: int) -> str:
        """The text of one record without its line end."""
        return self.data[self.starts[row] : self.ends[row]].decode("utf-8", "replace").removesuffix("\r")

    def without(self, unfit: np.ndarray) -> Records:
        """The records that are not marked in ``unfit``, moved together."""
        kept = np.flatnonzero(~unfit)
        view = memoryview(self.data)
        data = b"".join([view[self.starts[row] : self.ends[row] + 1] for row in kept.tolist()])
        lengths = (self.ends - self.starts)[kept] + 1
        starts = np.cumsum(lengths) - lengths
        return Records(data, starts, starts + lengths - 1, self.lines[kept], self.quoted_ends)


class Places:
    """Where the line ends and quotes of a buffer are."""

    def __init__(self, buffer: bytes, quote: str | None, final: bool) -> None:
        self.buffer = buffer
        self.data = np.frombuffer(buffer, np.uint8)
        self.ends = np.flatnonzero(self.data == _LF)
        self.carriage = b"\r" in buffer
        if self.carriage:
            returns = np.flatnonzero(self.data == _CR)
            if not final and returns.size and returns[-1] == self.data.size - 1:
                returns = returns[:-1]
            alone = returns[self.data[np.minimum(returns + 1, self.data.size - 1)] != _LF]
            if alone.size:
                self.ends = np.union1d(self.ends, alone)
        self.quotes = np.zeros(0, np.int64)
        if quote is not None and quote.encode() in buffer:
            self.quotes = np.flatnonzero(self.data == ord(quote))

    def sound_quotes(self, quotes: np.ndarray, start: int, delimiter: str, quote: str) -> int:
        """How many quotes, from the first on, stand where well-formed CSV has them.

        By turns they open, right after a delimiter, line end or quote, and close, right before one.
        """
        allowed = np.zeros(256, bool)
        allowed[[ord(delimiter), _LF, _CR, ord(quote)]] = True
        seen = 0
        size = _QUOTES_AT_ONCE
        while seen < quotes.size:
            part = quotes[seen : seen + size]
            openers, closers = part[0::2], part[1::2]
            opened = allowed[self.data[np.maximum(openers - 1, 0)]] | (openers == start)
            closed = allowed[self.data[np.minimum(closers + 1, self.data.size - 1)]] | (closers == self.data.size - 1)
            odd = np.flatnonzero(~(opened[: closers.size] & closed))
            if odd.size:
                return seen + int(odd[0]) * 2
            if openers.size > closers.size and not opened[-1]:
                return seen + int(part.size) - 1
            seen += part.size
            size *= 4
        return int(quotes.size)
