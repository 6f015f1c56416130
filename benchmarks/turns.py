"""Before and after in turns: the same benchmark of two checkouts, one after the other, several times.

A machine that others work on as well gives another figure each minute. What was measured within the same minutes can be
compared; seconds of CPU vary less than those of the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every benchmark that takes turns."""
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="measure this checkout as well, in turns")
    parser.add_argument("--rounds", type=int, default=1, help="so many times, each; the median is printed")
    parser.add_argument("--json", action="store_true", help="print JSON")


def in_turns(module: str, arguments: argparse.Namespace, options: list[str], measure: Callable[[], Any]) -> Any:
    """The figures of ``measure``, or those of both checkouts where one is named; the medians of several rounds."""
    if arguments.before is None and arguments.rounds == 1:
        return measure()
    found: dict[str, list[Any]] = {"before": [], "after": []}
    for _ in range(arguments.rounds):
        for name, checkout in (("before", arguments.before), ("after", Path.cwd())):
            if checkout is not None:
                found[name].append(_run(module, options, checkout))
    medians = {name: _median(figures) for name, figures in found.items() if figures}
    return medians if arguments.before else medians["after"]


def show(figures: Any, arguments: argparse.Namespace) -> None:
    """Print figures, as JSON or a line each."""
    if arguments.json or not isinstance(figures, Mapping):
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name}: {value}")


def _run(module: str, options: list[str], checkout: Path) -> Any:
    command = [sys.executable, "-m", f"benchmarks.{module}", *options, "--json"]
    done = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _median(figures: list[Any]) -> Any:
    first = figures[0]
    if isinstance(first, Mapping):
        return {name: _median([each[name] for each in figures if name in each]) for name in first}
    if isinstance(first, int | float) and not isinstance(first, bool):
        return round(median(figures), 4)
    return first
