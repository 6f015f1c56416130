"""What commands show: answers on standard output, everything else on standard error, JSON where a program reads.

An answer goes to standard output: text for people, or with ``--json`` exactly one JSON document. Progress, notices and
errors go to standard error, so that ``nightmail ... --json | jq`` never meets anything but JSON. With ``--json`` an
error is the JSON document ``{"ok": false, "error": {"reason", "message", "remedy", "detail"}}``.
"""

from __future__ import annotations

import codecs
import datetime as dt
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.errors import NightmailError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from nightmail.progress import Progress

SANDBOX_LINES = ("S A N D B O X", "No carrier is configured: nothing leaves this machine.")
"""What every command says while no carrier is configured."""


class Screen:
    """One command's output. ``json_output`` silences everything for people on standard output."""

    def __init__(self, json_output: bool = False) -> None:
        self.json_output = json_output
        self.in_sandbox: bool | None = None
        """Whether no carrier but the sandbox is configured; ``None`` until somebody has looked."""
        self._consoles: dict[bool, Console] = {}

    def _console(self, stderr: bool) -> Console:
        if stderr not in self._consoles:
            from rich.console import Console

            stream = sys.stderr if stderr else sys.stdout
            if isinstance(stream, io.TextIOWrapper):  # a terminal that has not all letters shows question marks
                stream.reconfigure(errors="replace")
            # Without a terminal Rich falls back to 80 columns, which would fold paths that people copy.
            width = None if stream.isatty() else 160
            self._consoles[stderr] = Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)
        return self._consoles[stderr]

    @property
    def out(self) -> Console:
        """The console of answers."""
        return self._console(stderr=False)

    @property
    def err(self) -> Console:
        """The console of progress, notices and errors."""
        return self._console(stderr=True)

    def say(self, line: str = "", style: str | None = None) -> None:
        """One line for people, written as it is: brackets in it are not markup. Nothing with ``--json``."""
        if not self.json_output:
            self.out.print(line, style=style, markup=False, soft_wrap=True)

    def show(self, *renderables: RenderableType) -> None:
        """Tables and panels for people. Nothing with ``--json``."""
        if not self.json_output:
            self.out.print(*renderables)

    def notice(self, line: str, style: str = "dim") -> None:
        """A line on standard error. Nothing with ``--json``."""
        if not self.json_output:
            self.err.print(line, style=style, markup=False, soft_wrap=True)

    def answer(self, values: Mapping[str, Any]) -> None:
        """The JSON document of ``--json``; nothing otherwise. ``sandbox`` is added where it is known."""
        if self.json_output:
            if self.in_sandbox is not None and "error" not in values:
                values = {"ok": values.get("ok"), "sandbox": self.in_sandbox, **values}
            sys.stdout.write(_writable(values, sys.stdout.encoding) + "\n")
            sys.stdout.flush()

    def sandbox(self) -> None:
        """Say in large letters that the sandbox is in use. With ``--json`` the answer's key ``sandbox`` says so."""
        self.in_sandbox = True
        if self.json_output:
            return
        from rich.panel import Panel
        from rich.text import Text

        text = Text(justify="center")
        text.append(f"\n{SANDBOX_LINES[0]}\n", style="bold")
        text.append(f"{SANDBOX_LINES[1]}\n")
        self.err.print(Panel(text, style="black on yellow", width=min(self.err.width, 80)))

    def error(self, error: NightmailError) -> None:
        """Print an error that a person can mend."""
        if self.json_output:
            self.answer({"ok": False, "error": error.as_dict()})
            return
        from rich.text import Text

        line = Text.assemble(("error ", "bold red"), (f"({error.reason}) ", "red"), error.message)
        self.err.print(line, soft_wrap=True)
        if error.remedy:
            self.err.print(Text.assemble(("  do  ", "bold"), error.remedy), soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress bars on standard error, by stage; silent with ``--json`` or without a terminal."""
        if self.json_output or not sys.stderr.isatty():
            yield _silent
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
        )
        tasks: dict[str, Any] = {}

        def update(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        with bars:
            yield update


def _silent(stage: str, done: int, total: int | None) -> None:
    del stage, done, total


class _Current:
    screen = Screen()


def screen(json_output: bool = False) -> Screen:
    """A new screen for a command that starts; errors that end the command are printed on it."""
    _Current.screen = Screen(json_output)
    return _Current.screen


def current() -> Screen:
    """The screen of the running command."""
    return _Current.screen


def plain(value: Any) -> Any:
    """A value as JSON knows it: decimals and times as text, as exact as they are."""
    if isinstance(value, Decimal):
        return format(value.normalize() if value else Decimal(0), "f")
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def to_json(values: Any) -> str:
    """JSON for programs: keys in the order given, other scripts as they are."""
    return json.dumps(values, default=plain, ensure_ascii=False, indent=2)


def _writable(values: Any, encoding: str | None) -> str:
    """JSON in UTF-8, which is what JSON is written in, or escaped where that cannot be had."""
    text = to_json(values)
    if codecs.lookup(encoding or "utf-8").name == "utf-8":
        with suppress(UnicodeEncodeError):  # the name of a file may be no text
            text.encode()
            return text
    return json.dumps(values, default=plain, indent=2)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = ()) -> Any:
    """A table for people; cells are shown as they are, never read as markup. ``numeric`` columns are set to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    right = set(numeric)
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    return made


def bar_chart(title: str, values: Sequence[tuple[str, int, str]], width: int = 40) -> Any:
    """Horizontal bars of ``(label, value, style)``, the longest ``width`` wide, drawn in eighths of a character."""
    from rich.text import Text

    chart = Text()
    if title:
        chart.append(f"{title}\n", style="bold")
    longest = max((value for _, value, _ in values), default=0) or 1
    label_width = max((len(label) for label, _, _ in values), default=0)
    for label, value, style in values:
        eighths = round(value * width * 8 / longest)
        if value and not eighths:
            eighths = 1
        bar = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
        chart.append(f"  {label:<{label_width}}  ")
        chart.append(f"{bar:<{width}}", style=style)
        chart.append(f"  {value:,}\n")
    return chart
