"""``nightmail feed``: a feed's contract."""

from __future__ import annotations

from pathlib import Path

import typer

from commands.screen import screen
from nightmail.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Draft a feed's settings from a sample file.", rich_markup_mode="rich")


@app.callback()
def feed() -> None:
    """A feed's contract: what its files must be."""


@app.command()
def draft(
    file: Path = typer.Argument(..., help="A sample of the files that the feed will bring."),
    *,
    out: Path = typer.Option(None, "--out", help="Write the contract to this file instead of printing it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Propose a feed's contract, as YAML, from a sample file; a person then corrects it."""
    from nightmail.contact_files.contract import contract_yaml, draft_contract

    if not file.is_file():
        raise UsageError("file_missing", f"There is no file {file}.", "Give the path of a contact file.")
    view = screen(json_output)
    drafted = draft_contract(file)
    text = contract_yaml(drafted)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    view.answer(
        {
            "ok": True,
            "settings": {"version": drafted.settings.version, **drafted.settings.stored()},
            "notes": list(drafted.notes),
            "rows": drafted.rows,
            "written": str(out) if out is not None else None,
        }
    )
    view.say(f"The contract is in {out}." if out is not None else text.rstrip("\n"))
