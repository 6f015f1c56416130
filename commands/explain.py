"""``nightmail explain REASON``: what a reason code means and what to do about it."""

from __future__ import annotations

import typer

from commands.screen import screen, table
from nightmail.errors import UsageError
from nightmail.reasons import Surface


def explain(
    reason: str = typer.Argument(None, help="A reason code, such as phone_invalid; without one, all are listed."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what a reason code means and what to do about it."""
    from nightmail.reasons import REASONS

    view = screen(json_output)
    if not reason:
        view.answer(
            {
                "ok": True,
                "reasons": [
                    {
                        "reason": e.code,
                        "kind": e.kind.value,
                        "sentence": e.sentence,
                        "remedy": e.remedy_on(Surface.SHELL),
                    }
                    for e in REASONS.values()
                ],
            }
        )
        rows = [(e.code, e.kind.value, e.sentence) for e in sorted(REASONS.values(), key=lambda e: e.kind.value)]
        view.show(table("Reasons", ("reason", "of a", "sentence"), rows))
        return
    if reason not in REASONS:
        import difflib

        near = difflib.get_close_matches(reason, REASONS, n=3, cutoff=0.4)
        raise UsageError("reason_unknown", value=reason, known=", ".join(near) or "none", facts={"near": near})
    entry = REASONS[reason]
    view.answer(
        {
            "ok": True,
            "reason": entry.code,
            "kind": entry.kind.value,
            "sentence": entry.sentence,
            "remedy": entry.remedy_on(Surface.SHELL),
        }
    )
    view.say(f"{entry.code} (explains a {entry.kind.value})", style="bold")
    view.say(f"  {entry.sentence}")
    view.say(f"  {entry.remedy_on(Surface.SHELL)}")
