"""``nightmail feed``: a feed's contract."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Draft a feed's settings from a sample file.", rich_markup_mode="rich")
