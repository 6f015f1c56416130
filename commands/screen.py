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
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nightmail.errors import NightmailError
from nightmail.reasons import Surface

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from nightmail.forecasts.finish_forecast import FinishForecast
    from nightmail.organisation.sandbox_accounts import SandboxUse
    from nightmail.progress import Progress

NOT_ASKED = "Nothing leaves this machine."
"""What is said where it is not known which channels go to the sandbox, as there is no database."""


class Screen:
    """One command's output. ``json_output`` silences everything for people on standard output."""

    def __init__(self, json_output: bool = False) -> None:
        self.json_output = json_output
        self.in_sandbox: bool | None = None
        """Whether any channel goes to the sandbox, or no carrier is configured; ``None`` until it was looked up."""
        self.sandbox_channels: tuple[str, ...] = ()
        """The channels that go to the sandbox, as far as they were looked up."""
        self._consoles: dict[bool, Console] = {}

    def _console(self, stderr: bool) -> Console:
        if stderr not in self._consoles:
            from rich.console import Console

            stream = sys.stderr if stderr else sys.stdout
            if isinstance(stream, io.TextIOWrapper):  # a terminal that has not all letters shows question marks
                stream.reconfigure(errors="replace")
            # Without a terminal Rich falls back to 80 columns, which would fold paths that people copy.
            width = None if stream.isatty() or os.environ.get("COLUMNS") else 160
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

    def is_too_narrow_for(self, shown: Any) -> bool:
        """Whether a table with columns that are kept whole is wider than the terminal; a pipe takes any width."""
        in_terminal = self.out.is_terminal or bool(os.environ.get("COLUMNS"))
        return in_terminal and (getattr(shown, "min_width", None) or 0) > self.out.width

    def show(self, *renderables: RenderableType) -> None:
        """Tables and panels for people. Nothing with ``--json``.

        A table with columns that are kept whole is wider than a terminal that is too narrow for them.
        """
        if self.json_output:
            return
        for shown in renderables:
            least = getattr(shown, "min_width", None)
            if least is not None and least > self.out.width:
                shown.width = least  # type: ignore[union-attr]
            self.out.print(shown, crop=False)

    def notice(self, line: str, style: str = "dim") -> None:
        """A line on standard error. Nothing with ``--json``."""
        if not self.json_output:
            self.err.print(line, style=style, markup=False, soft_wrap=True)

    def answer(self, values: Mapping[str, Any]) -> None:
        """The JSON document of ``--json``; nothing otherwise. ``sandbox`` and its channels are added where they are known."""
        if self.json_output:
            if self.in_sandbox is not None and "error" not in values:
                known = {"sandbox": self.in_sandbox, "sandbox_channels": list(self.sandbox_channels)}
                values = {"ok": values.get("ok"), **known, **values}
            sys.stdout.write(_writable(values, sys.stdout.encoding) + "\n")
            sys.stdout.flush()

    def sandbox(self, use: SandboxUse | None = None) -> None:
        """Say in large letters what goes to the sandbox, if anything does; with ``--json`` the answer's keys say so.

        Without ``use`` it is not known, and nothing leaves this machine.
        """
        self.in_sandbox = use is None or use.in_use
        self.sandbox_channels = () if use is None else use.channels
        if self.json_output or not self.in_sandbox:
            return
        from rich.panel import Panel
        from rich.text import Text

        text = Text(justify="center")
        text.append("\nS A N D B O X\n", style="bold")
        for sentence in (NOT_ASKED,) if use is None else use.sentences:
            text.append(f"{sentence}\n")
        self.err.print(Panel(text, style="black on yellow", width=min(self.err.width, 80)))

    def error(self, error: NightmailError) -> None:
        """Print an error that a person can mend."""
        if self.json_output:
            self.answer({"ok": False, "error": error.as_dict(Surface.SHELL)})
            return
        from rich.text import Text

        line = Text.assemble(("error ", "bold red"), (f"({error.reason}) ", "red"), error.message)
        self.err.print(line, soft_wrap=True)
        if remedy := error.remedy_for(Surface.SHELL):
            self.err.print(Text.assemble(("  do  ", "bold"), remedy), soft_wrap=True)

    @contextmanager
    def progress(self, *, lines: bool = False) -> Iterator[Progress]:
        """Progress bars on standard error, by stage, with rate and time left; silent with ``--json`` or without a terminal.

        With ``lines``, where there is no terminal, a line is printed every :data:`LINE_EVERY_S` seconds instead.
        """
        if self.json_output or not sys.stderr.isatty():
            yield _Lines(self.notice).update if lines and not self.json_output else _silent
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}", style="cyan"),
            TimeElapsedColumn(),
            console=self.err,
            transient=True,
        )
        tasks: dict[str, Any] = {}
        paces: dict[str, Pace] = {}

        def update(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, pace="")
                paces[stage] = Pace()
            bars.update(tasks[stage], completed=done, total=total, pace=paces[stage].in_words(done, total))

        with bars:
            yield update


LINE_EVERY_S = 15.0
_PACE_OVER_S = 20.0


class Pace:
    """How fast something goes, over the last :data:`_PACE_OVER_S`, and how long the rest takes at that rate."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()

    def in_words(self, done: int, total: int | None) -> str:
        """``1,240/s, 9 min left``; nothing while it is not known."""
        now = self._now()
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _PACE_OVER_S:
            self._seen.popleft()
        since, before = self._seen[0]
        if done <= before or now - since < 1.0:
            return ""
        rate = (done - before) / (now - since)
        words = [f"{rate:,.0f}/s"] if rate >= 1 else []
        if total is not None and total > done:
            words.append(f"{clock((total - done) / rate)} left")
        return ", ".join(words)


def clock(seconds: float) -> str:
    """Seconds as people say them: ``42 s``, ``9 min``, ``1 h 5 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class _Lines:
    """Progress where there is no terminal: a line now and then."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._paces: dict[str, Pace] = {}
        self._said_at: dict[str, float] = {}

    def update(self, stage: str, done: int, total: int | None) -> None:
        """As :class:`nightmail.progress.Progress` is called."""
        now = time.monotonic()
        if stage not in self._paces:
            self._paces[stage] = Pace()
            self._said_at[stage] = now
        pace = self._paces[stage].in_words(done, total)
        if now - self._said_at[stage] < LINE_EVERY_S:
            return
        self._said_at[stage] = now
        of = "" if total is None else f" of {total:,}"
        self._say(f"   {stage}: {done:,}{of}{f', {pace}' if pace else ''}")


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


def say_ending(view: Screen, ending: FinishForecast) -> None:
    """When a campaign ends, and in red that it is after its cut-off; nothing where nothing is known."""
    if words := ending.in_words():
        view.say(words, style="bold red" if ending.late else None)


def counted(number: int, noun: str) -> str:
    """``1 message``, ``1,240 messages``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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


_LEAST_COLUMN = 8
"""Characters that a column which may be folded has at least beside those that are kept whole."""


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    numeric: Iterable[int] = (),
    whole: Iterable[int] = (),
) -> Any:
    """A table for people; cells are shown as they are, never read as markup.

    ``numeric`` columns are set to the right. ``whole`` ones, such as keys that people copy, are never folded, whatever the
    terminal's width.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    right = set(numeric)
    kept, cells = set(whole), [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = []
    for index, column in enumerate(columns):
        longest = max((len(line) for row in cells for line in row[index].splitlines()), default=0)
        is_kept = index in kept
        width = max(longest, len(column)) if is_kept else min(max(longest, len(column)), _LEAST_COLUMN)
        widths.append(width)
        made.add_column(
            column,
            justify="right" if index in right else "left",
            overflow="fold",
            no_wrap=is_kept,
            min_width=width if is_kept else None,
        )
    if kept:
        made.min_width = sum(widths) + 3 * len(widths)
    for row in cells:
        made.add_row(*(Text(cell) for cell in row))
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
