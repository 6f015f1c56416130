"""How ``nightmail check`` and ``send`` show people what would happen to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.screen import Screen, say_ending, table

if TYPE_CHECKING:
    from nightmail.forecasts.finish_forecast import FinishForecast


def show_check(view: Screen, answer: dict[str, Any], ending: FinishForecast) -> None:  # noqa: C901 - one section of the screen after another
    """Everything that the answer of a check says; nothing with ``--json``."""
    if view.json_output:
        return
    if answer["sandbox"] and view.in_sandbox is None:
        view.sandbox()
    show_file(view, answer)
    show_counts(view, answer["counts"])
    for decision in answer["decisions"]:
        view.say(f"decided: {decision['message']}")
    for title, part in (
        ("Rejected", "rejects"),
        ("Duplicates", "duplicates"),
        ("Held", "held"),
        ("Warnings", "warnings"),
    ):
        by_reason = answer[part]["by_reason"]
        if by_reason:
            show_reasons(view, title, by_reason)
    samples = answer["rejects"]["samples"]
    if samples:
        cells = [(row["line"], row["column"], row["value"], row["message"]) for row in samples]
        view.show(table("Some rejected rows", ("line", "column", "value", "what to do"), cells, numeric=[0]))
    for warning in answer["warnings"]["of_the_file"]:
        view.say(f"note: {warning['message']}", style="yellow")
    for warning in answer["warnings"]["of_the_template"]:
        view.say(f"note: {warning['message']} {warning['remedy']}", style="yellow")
    show_messages(view, answer["messages"])
    say_ending(view, ending)
    if answer["waits_for_approval_because"]:
        view.say(f"It would wait for approval: {answer['waits_for_approval_because']}", style="yellow")
    for problem in answer["problems"]:
        view.say(f"problem: {problem['message']} {problem['remedy']}", style="bold red")
    if answer["problems"]:
        view.say("Nothing of this file would be sent.", style="bold red")
    if answer["tables"]:
        view.say(f"tables in {Path(answer['tables']['messages']).parent}")
    view.say(f"{answer['seconds']:.1f} s; nothing was sent", style="dim")


def show_file(view: Screen, answer: dict[str, Any]) -> None:
    """What the file turned out to be."""
    about = answer["contact_file"]
    view.say(answer["file"], style="bold")
    parts = [about["format"], about["container"], about["encoding"], f"{about['rows']:,} rows"]
    view.say("  " + ", ".join(str(part) for part in parts if part))
    renamed = [f"{header} → {column}" for header, column in about["mapping"].items() if header != column]
    if renamed:
        view.say("  columns read as: " + ", ".join(renamed))


def show_counts(view: Screen, counts: dict[str, int]) -> None:
    """How the rows divide."""
    view.show(table("Rows", ("", "count"), [(name, f"{value:,}") for name, value in counts.items()], numeric=[1]))


def show_reasons(view: Screen, title: str, by_reason: dict[str, int]) -> None:
    """Counts by reason, each with its sentence's code."""
    cells = [(reason, f"{count:,}") for reason, count in sorted(by_reason.items(), key=lambda item: -item[1])]
    view.show(table(title, ("reason", "rows"), cells, numeric=[1]))


def show_messages(view: Screen, messages: dict[str, Any]) -> None:
    """Messages by channel, segments, cost, and a few of them as they would be sent."""
    costs = ", ".join(f"{amount} {currency}" for currency, amount in messages["costs"].items()) or "no price known"
    channels = ", ".join(f"{count:,} {channel}" for channel, count in messages["by_channel"].items()) or "none"
    view.say(f"Messages: {channels}; {messages['segments']:,} segments; estimated cost {costs}", style="bold")
    _show_characters(view, messages["characters"])
    for row in messages["samples"]:
        head = f"  line {row['line']}, {row['channel']} ({row['language']}) to {row['address']}"
        view.say(f"{head}, {row['segments']} segment{'s' if row['segments'] != 1 else ''}", style="cyan")
        if row["subject"]:
            view.say(f"    {row['subject']}", style="bold")
        for line in row["body"].splitlines()[:6]:
            view.say(f"    {line}")


def _show_characters(view: Screen, characters: dict[str, Any]) -> None:
    """What characters outside of the GSM 7-bit alphabet add to text messages, and what was replaced."""
    if characters["replaced"]:
        signs = ", ".join(f"{sign!r} in {count:,} messages" for sign, count in characters["replaced"].items())
        view.say(f"  replaced, since the template prefers gsm7: {signs}")
    if not characters["segments_added"]:
        return
    costs = ", ".join(f"{amount} {currency}" for currency, amount in characters["costs_added"].items())
    view.say(
        f"  characters outside of the GSM 7-bit alphabet add {characters['segments_added']:,} segments"
        + (f" ({costs})" if costs else ""),
        style="yellow",
    )
    cells = [
        (
            repr(entry["character"]),
            entry["name"],
            f"{entry['messages']:,}",
            f"{entry['segments_added']:,}",
            "-" if entry["replacement"] is None else repr(entry["replacement"]),
        )
        for entry in characters["characters"]
    ]
    view.show(table("They are", ("", "name", "messages", "segments added", "write"), cells, numeric=[2, 3]))
