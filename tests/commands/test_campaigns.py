"""``nightmail campaigns``: what became of all messages is in the list."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from tests.commands.conftest import CommandLine
from tests.support.sending_rig import Organisation


def test_the_list_counts_what_was_given_up(with_database: CommandLine, database: Engine, tmp_path: Path) -> None:
    """What expired, was cancelled, or was held at its hand-off is one number beside what failed."""
    organisation = Organisation(database, tmp_path, {"base_url": "http://127.0.0.1:9", "twilio": {"account_sid": "AC"}})
    campaign = organisation.campaign(10)
    for lines, *states in (
        ((2, 3), "expired"),
        ((4, 5), "cancelled"),
        ((6,), "held"),
        ((7,), "handing_over", "failed"),
        ((8, 9, 10), "handing_over", "accepted"),
    ):
        for state in states:
            organisation.execute(
                "update message set state = :s where campaign_id = :c and line = any(:lines)",
                s=state, c=campaign.id, lines=list(lines),
            )  # fmt: skip
    shown = with_database.run("campaigns").stdout.splitlines()
    columns = next(line for line in shown if "accepted" in line)
    assert columns.split()[-7:] == ["accepted", "failed", "not", "sent", "in", "doubt", "queued"]
    row = next(line for line in shown if campaign.key in line)
    assert row.split()[-5:] == ["3", "1", "5", "0", "1"]
