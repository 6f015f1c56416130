"""``nightmail doubts``: messages of which it is not known whether the carrier took them."""

from __future__ import annotations

import typer

from commands.screen import screen, table


def doubts(
    campaign: str = typer.Option(None, "--campaign", help="Only of this campaign."),
    team: str = typer.Option(None, "--team", help="Only of this team and those under it."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, the oldest campaign first."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Messages in doubt, the oldest campaign first. Most are settled by receipts and the carrier's records; decide the rest."""
    from commands.local import open_database
    from nightmail.campaigns.campaign_rows import get_campaign
    from nightmail.organisation.teams import team_id_of
    from nightmail.sending.doubt_lists import list_in_doubt

    view = screen(json_output)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        if campaign is not None:
            get_campaign(connection, campaign)
        found = list_in_doubt(connection, team_path=team, campaign=campaign, limit=limit)
    view.answer(
        {
            "ok": True,
            "messages": [
                {
                    "message_id": row.message_id,
                    "campaign": row.campaign,
                    "team": row.team,
                    "channel": row.channel,
                    "carrier_account": row.carrier_account,
                    "since": row.since,
                    "error_code": row.error_code,
                    "reason": row.reason,
                }
                for row in found
            ],
        }
    )
    if not found:
        view.say("no message is in doubt")
        return
    rows = [
        (
            row.message_id,
            row.campaign,
            row.carrier_account,
            f"{row.since:%Y-%m-%d %H:%M:%S}",
            row.error_code or row.reason,
        )
        for row in found
    ]
    view.show(table("In doubt", ("message", "campaign", "carrier", "since (UTC)", "why"), rows, whole=(0, 1)))
    view.say("Look each up at the carrier, then: nightmail decide MESSAGE accepted|failed|resend")
