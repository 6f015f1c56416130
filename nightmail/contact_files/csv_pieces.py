"""The text of a CSV file after its header, as UTF-8 in pieces that are read one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nightmail.contact_files.csv_opening import Opening
from nightmail.contact_files.text_survey import TextSurvey, decoded_chunks

_LAST_LINE = 64 * 1024
"""Bytes at the end of a piece in which the end of a line is looked for."""
_LINES_AT_ONCE = 400_000
"""Line ends whose places are kept at once: a block of short lines takes many times its bytes."""
_QUOTES_KEPT = 4_000_000
_MARKS = re.compile(rb"(\A|[\r\n])(?:\xef\xbb\xbf)+")


def text_pieces(path: Path, survey: TextSurvey, opening: Opening, size: int) -> Iterator[tuple[bytes | None, int]]:
    """The text after the header in UTF-8, in pieces of about ``size`` bytes; None at the end.

    Each comes with the bytes of the file read so far. Pieces that hold so many lines or quotes that their places would fill
    the memory are cut.
    """
    quote = (opening.dialect.quote or '"').encode()
    # A short row may have to be filled up to the header's width.
    lines = _LINES_AT_ONCE // (1 + opening.fields_in_rows // 32)
    for piece, done in _pieces(path, survey, opening, size):
        waiting = [] if piece is None else [piece]
        if piece is None:
            yield None, done
        while waiting:
            part = waiting.pop()
            if len(part) > lines and _is_dense(part, quote, lines):
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
            else:
                yield part, done


def _pieces(path: Path, survey: TextSurvey, opening: Opening, size: int) -> Iterator[tuple[bytes | None, int]]:
    done = survey.skip
    if survey.codec == "utf-8" and not survey.damaged:
        with path.open("rb") as handle:
            done += opening.skip_bytes
            handle.seek(done)
            while chunk := handle.read(_to_line_end(handle, min(size, survey.end - done))):
                done += len(chunk)
                yield chunk, done
    else:
        skip = opening.offset
        waiting: list[bytes] = []
        gathered = 0
        for text in decoded_chunks(path, survey.codec, survey.skip, survey.end):
            data = text[skip:].encode("utf-8", "replace")
            skip = max(skip - len(text), 0)
            waiting.append(data)
            gathered += len(data)
            done += len(text)
            if gathered >= size:
                yield b"".join(waiting), done
                waiting, gathered = [], 0
        if gathered:
            yield b"".join(waiting), done
    yield None, survey.end


def ends_in_delimiters(path: Path, survey: TextSurvey, opening: Opening, size: int) -> tuple[int, int]:
    """How many lines after the header end in a delimiter, and how many are whole rows that do not."""
    mark = opening.dialect.delimiter.encode()
    columns = len(opening.header)
    ending = whole = 0
    carried = b""
    for piece, _ in _pieces(path, survey, opening, size):
        *lines, carried = re.split(rb"\r\n|\r|\n", carried + (piece if piece is not None else b"\n"))
        for line in lines:
            if line.endswith(mark):
                ending += 1
            elif line.count(mark) == columns - 1:
                whole += 1
    return ending, whole


def _to_line_end(handle: BinaryIO, size: int) -> int:
    """``size`` or a little less, so that a line ends there: what is carried over to the next block has to be copied."""
    place = handle.tell()
    at = max(size - _LAST_LINE, 0)
    handle.seek(place + at)
    end = handle.read(size - at).rfind(b"\n") + 1
    handle.seek(place)
    return at + end if end else size


def without_marks(buffer: bytes) -> bytes:
    """Byte order marks at the beginning of lines are dropped: they show that files were joined."""
    return _MARKS.sub(rb"\1", buffer)


def _is_dense(piece: bytes, quote: bytes, lines: int) -> bool:
    """Whether ``piece`` holds more than ``lines`` line ends, or too many quotes, to keep the places of all."""
    data = np.frombuffer(piece, np.uint8)
    limits = ((b"\n", lines), (b"\r", lines), (quote, _QUOTES_KEPT))
    return any(mark in piece and np.count_nonzero(data == ord(mark)) > limit for mark, limit in limits)
