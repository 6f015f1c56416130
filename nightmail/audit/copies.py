"""What is kept of the log outside the database: the newest seal, and a copy of all entries for whoever collects them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from nightmail.audit.listing import sealed_entries
from nightmail.audit.sealing import Head

HEAD_FILE = "audit_head.json"


def record_head(folder: Path, head: Head) -> None:
    """Keep the newest seal in the data folder, where the database's own administrator does not reach it."""
    _replace(folder / HEAD_FILE, {"number": head.number, "epoch": head.epoch, "hash": head.hash.hex()})


def recorded_head(folder: Path) -> Head | None:
    """The newest seal that was kept; ``None`` where none was, or the file is damaged."""
    try:
        kept = json.loads((folder / HEAD_FILE).read_text(encoding="utf-8"))
        return Head(int(kept["number"]), bytes.fromhex(kept["hash"]), int(kept["epoch"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def newest_seal(engine: Engine) -> int:
    """The number of the newest seal; 0 before the first."""
    with engine.connect() as connection:
        return int(connection.scalar(text("select coalesce(max(number), 0) from audit_seal")) or 0)


def sealed_lines(engine: Engine, after_seal: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """What was sealed after a seal: its number and its entries, JSON-ready, and last the seal itself."""
    while True:
        last = after_seal
        with engine.connect() as connection:
            for seal, made, entries in sealed_entries(connection, after_seal):
                lines = [entry.as_dict() for entry in entries]
                lines.append({"seal": seal.number, "entries": seal.entries, "hash": made.hex()})
                last = seal.number
                yield last, lines
        if last == after_seal:
            return
        after_seal = last


def append_sealed(engine: Engine, file: Path) -> int:
    """Append to ``file``, as JSON lines, what was sealed since the last time; return how many lines.

    How far it got stands beside it (``<file>.position``), written after the lines: a crash in between repeats a seal's
    lines, which have the same ids, and loses none. The file may be moved away at any time.
    """
    beside = file.with_name(f"{file.name}.position")
    try:
        position = int(json.loads(beside.read_text(encoding="utf-8"))["seal"])
    except (OSError, ValueError, KeyError, TypeError):
        position = 0
    written = 0
    for number, lines in sealed_lines(engine, position):
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w", encoding="utf-8") as handle:
            handle.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            handle.flush()
            os.fsync(handle.fileno())
        _replace(beside, {"seal": number})
        written += len(lines)
    return written


def _replace(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump(content, handle)
    aside.replace(file)
