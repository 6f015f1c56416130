"""JSON Lines: one object per line; the columns are the keys of all lines, in the order of their first appearance.

Numbers keep the digits they were written with; lists and objects stay JSON text. A line that is no object is rejected,
and so is one that has a key twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nightmail.contact_files.byte_order_marks import mark_length
from nightmail.contact_files.failures import file_error
from nightmail.contact_files.header import header_score
from nightmail.contact_files.row_collector import RowCollector
from nightmail.contact_files.summary import ReadOptions
from nightmail.contact_files.text_survey import UNDECODABLE, TextSurvey, decoded_chunks
from nightmail.errors import ContactFileError
from nightmail.progress import Progress

_BATCH = 20_000
_BATCH_CHARACTERS = 64 * 1024 * 1024


class _Number(str):
    """A number with the digits it was written with."""

    __slots__ = ()


class _NotObjectError(ValueError):
    """The line is not a JSON object that can be used; the text says why."""


def looks_like_json_lines(head: str) -> bool:
    """Whether text that begins like JSON is JSON Lines; False when it is rather CSV.

    Raises ContactFileError when it is JSON in another form.
    """
    head = head[mark_length(head) :].strip()
    first = head.partition("\n")[0].strip()
    if first.startswith("{"):
        try:
            found = _object(first)
        except _NotObjectError:
            if first.endswith(("{", "[", ",")) or ("\n" in head and _is_one_document(head)):
                raise _one_document() from None
            return ":" in first
        if first == head and header_score(list(found)) <= 1 and any(map(_holds_objects, found.values())):
            raise _one_document()
        return True
    if first in ("[", "[{") or first.startswith(("[{", "[ {")) or _is_one_document(head):
        raise file_error("file_unreadable", detail="it is a JSON list; JSON Lines has one object on each line")
    return False


def _one_document() -> ContactFileError:
    return file_error("file_unreadable", detail="it is one JSON document; JSON Lines has one object on each line")


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _is_one_document(head: str) -> bool:
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return False
    return True


def _object(text: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise _NotObjectError("it is nested too deeply") from error
    except _NotObjectError:
        raise
    except ValueError as error:
        raise _NotObjectError(getattr(error, "msg", "it cannot be read")) from error
    if not isinstance(value, dict):
        raise _NotObjectError("it is a value of another kind")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _NotObjectError("it has a key twice")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_Number, parse_int=_Number, parse_constant=lambda _: None
)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        text = str(value)
    elif value is None:
        return None
    elif isinstance(value, bool):
        return "true" if value else "false"
    else:
        text = _nested(value)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text or None


def _nested(value: Any) -> str:
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_nested(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _lines(path: Path, survey: TextSurvey, limit: int) -> Iterator[tuple[int, str | None, str]]:
    """Each line that is not blank: its number, its text (None when it is too long), and its beginning."""
    waiting = ""
    line = 1
    too_long = False
    begins = True
    for chunk in decoded_chunks(path, survey.codec, survey.skip, survey.end):
        if begins:
            waiting, begins = chunk[mark_length(chunk) :], False
        else:
            waiting += chunk
        parts = waiting.split("\n")
        waiting = parts.pop()
        for part in parts:
            if too_long:
                yield line, None, ""
                too_long = False
            elif part.strip():
                yield line, part, part
            line += 1
        if len(waiting) > limit:
            too_long, waiting = True, ""
    if too_long:
        yield line, None, ""
    elif waiting.strip():
        yield line, waiting, waiting


def json_keys(path: Path, survey: TextSurvey, options: ReadOptions) -> tuple[str, ...]:
    """All keys of a JSON Lines file, in the order of their first appearance.

    Raises ContactFileError when no line is an object that can be used.
    """
    keys: dict[str, None] = {}
    wrong: str | None = None
    for line, text, _ in _lines(path, survey, 4 * options.field_limit):
        if text is None:
            continue
        try:
            found = _object(text)
        except _NotObjectError as error:
            wrong = wrong or f"none of its lines is an object that can be used; line {line}: {error}"
            continue
        if not found.keys() <= keys.keys():
            keys.update(dict.fromkeys(found))
            if len(keys) > options.column_limit:
                raise file_error("file_too_many_columns", columns=len(keys), limit=options.column_limit)
    if not keys and wrong is not None:
        raise file_error("file_unreadable", detail=wrong)
    return tuple(keys)


def read_json_lines(
    path: Path,
    survey: TextSurvey,
    keys: tuple[str, ...],
    collector: RowCollector,
    options: ReadOptions,
    *,
    progress: Progress | None = None,
) -> None:
    """Read all lines into ``collector``, as values of ``keys`` in order."""
    lines: list[int] = []
    rows: list[list[str | None]] = []
    read = 0
    written = 0
    for line, text, raw in _lines(path, survey, 4 * options.field_limit):
        if text is None:
            collector.reject(line, "row_field_too_large", raw, limit=options.field_limit)
            continue
        read += len(text)
        if "\x00" in text:
            collector.reject(line, "row_nul_bytes", raw)
            continue
        if survey.damaged and UNDECODABLE in text:
            collector.reject(line, "row_not_decodable", raw.replace(UNDECODABLE, "\ufffd"), encoding=survey.encoding)
            continue
        try:
            found = _object(text)
        except _NotObjectError as error:
            collector.reject(line, "row_not_json", raw.rstrip("\r"), detail=str(error))
            continue
        values = [_text(found.get(key)) for key in keys]
        if len(text) * 4 > options.field_limit and any(
            len((value or "").encode()) > options.field_limit for value in values
        ):
            collector.reject(line, "row_field_too_large", raw, limit=options.field_limit)
            continue
        lines.append(line)
        rows.append(values)
        if len(rows) >= _BATCH or read - written >= _BATCH_CHARACTERS:
            collector.add_lists(lines, rows)
            lines, rows = [], []
            written = read
            if progress is not None:
                progress("contact_file", read, survey.end)
    collector.add_lists(lines, rows)
