"""``nightmail feed draft FILE``: a feed's contract, proposed from a sample file."""

from __future__ import annotations

from pathlib import Path

import typer

from commands.choices import refuse_missing_file
from commands.lean_arrow import leave_pandas_out
from commands.screen import screen

app = typer.Typer(no_args_is_help=True, help="Draft a feed's settings from a sample file.", rich_markup_mode="rich")


@app.command("draft")
def draft(
    file: Path = typer.Argument(..., help="A contact file as the feed will get them."),
    *,
    template: str = typer.Option(
        None, "--template", "-t", help="What the feed will send: the contract asks for what this needs, and no more."
    ),
    out: Path = typer.Option(None, "--out", help="Write the YAML here instead of showing it."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Propose a feed's contract from a sample file: mapping, columns, types, volume. A person then corrects it."""
    leave_pandas_out()
    from commands.local import optional_database
    from commands.template_choice import choose_template
    from nightmail.intake.feed_drafts import contract_yaml, draft_contract

    view = screen(json_output)
    refuse_missing_file(file)
    sent = None if template is None else choose_template(template, optional_database())
    drafted = draft_contract(file, template=sent)
    text = contract_yaml(drafted)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    view.answer(
        {
            "ok": True,
            "file": str(file),
            "rows": drafted.rows,
            "settings": drafted.settings.stored(),
            "notes": list(drafted.notes),
            "yaml": text,
        }
    )
    if out is None:
        view.say(text.rstrip("\n"))
    else:
        view.say(f"wrote {out}")
        for note in drafted.notes:
            view.say(f"  {note}")


@app.callback()
def _feeds() -> None:
    """What concerns feeds."""
