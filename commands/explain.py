"""``nightmail explain REASON``: what a reason code means and what to do about it.

With ``--campaign`` and ``--line``: what was decided about a contact on each channel, and by which rules.
"""

from __future__ import annotations

import typer

from commands.screen import Screen, screen, table
from nightmail.errors import UsageError
from nightmail.reasons import Surface


def explain(
    reason: str = typer.Argument(None, help="A reason code, such as phone_invalid; without one, all are listed."),
    campaign: str = typer.Option(None, help="A campaign: says what was decided about one of its contacts."),
    line: int = typer.Option(None, min=1, help="With --campaign: the contact's line of the file."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say what a reason code means, or with --campaign and --line why a contact was, or was not, written to on each channel."""
    from nightmail.reasons import REASONS

    view = screen(json_output)
    if campaign is not None or line is not None:
        if campaign is None or line is None or reason:
            raise typer.BadParameter("--campaign and --line go together, without a reason code")
        _explain_contact(view, campaign, line)
        return
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


def _explain_contact(view: Screen, campaign: str, line: int) -> None:
    from commands.local import open_database
    from nightmail.campaigns.campaign_rows import get_campaign
    from nightmail.lake import Lake
    from nightmail.preparation.contact_decisions import contact_decisions
    from nightmail.reasons import REASONS
    from nightmail.settings import settings

    with open_database().connect() as connection:
        found = get_campaign(connection, campaign)
    decided = contact_decisions(Lake(settings().lake), found, line)
    view.answer({"ok": True, **decided.as_dict()})
    rows = [
        (
            each.channel,
            each.reason or "can be used",
            " ".join(str(part) for part in (each.decided_by, each.record) if part is not None),
            REASONS[each.reason].sentence if each.reason else "",
        )
        for each in decided.channels
    ]
    view.show(table(f"Line {line} of {found.key}", ("channel", "decided", "by", "because"), rows))
    for each in decided.channels:
        if each.looked_at:
            view.say(f"{each.channel}: looked at {', '.join(each.looked_at)}")
    if decided.preferences:
        view.say(f"chosen by the contact: preference {', '.join(map(str, decided.preferences))}")
    if decided.budget is not None:
        view.say(REASONS[decided.budget].sentence)
