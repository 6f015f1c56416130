"""How the demo shows what became of a file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

from commands.screen import Screen, table

if TYPE_CHECKING:
    from commands.deployment import Deployment
    from commands.sandbox_setup import SftpLogin
    from nightmail.campaigns.campaign_rows import CampaignRow
    from nightmail.lake import Lake


def show_result(view: Screen, result: dict[str, Any]) -> None:
    """What the result file beside the upload says: the rows, and the reasons of rejects and held contacts."""
    cells = [(name, f"{value:,}") for name, value in result["counts"].items()]
    view.show(table("Rows of the file", ("", "count"), cells, numeric=[1]))
    explained = [
        ("duplicate" if entry["reason"].startswith("duplicate") else name, entry["reason"], f"{entry['rows']:,}")
        for part, name in (("rejects", "reject"), ("held", "held"))
        for entry in result[part]
    ]
    view.show(table("By reason", ("", "reason", "rows"), explained, numeric=[2]))


def show_rejects(view: Screen, reject_file: bytes) -> None:
    """Three rows of the reject file, each for another reason."""
    rows = list(csv.DictReader(io.StringIO(reject_file.decode("utf-8-sig"))))
    cells: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for row in rows:
        reason = row["nightmail_reason"].split(";")[0].strip()
        if reason not in seen and not reason.startswith("duplicate") and len(cells) < 3:
            seen.add(reason)
            cells.append((row["nightmail_line"], row["Mobile"], row["nightmail_message"]))
    view.show(table("Three rejected rows", ("line", "Mobile", "what to do"), cells))


def show_messages(view: Screen, lake: Lake, key: str) -> None:
    """Three messages of a campaign as they were sent."""
    from commands.check_answer import message_samples
    from nightmail.privacy import mask

    view.say("Three messages as they were sent", style="bold")
    for row in message_samples(lake.table("messages", key)):
        to = f"line {row['line']}, {row['channel']} ({row['language']}) to {mask(row['address'])}"
        view.say(f"   {to}: {row['body']}")


def show_escalation(view: Screen, running: Deployment, campaign: CampaignRow) -> None:
    """How the appointments ended on each channel, and what recipients said."""
    from nightmail.reports.campaign_messages import frequent_replies, report_lines

    ends: Counter[tuple[str, str, str]] = Counter()
    with running.engine.connect() as connection:
        for line in report_lines(connection, campaign):
            ends[line.channel, line.state.replace("_", " "), line.delivery or line.reason or ""] += line.messages
        replies = frequent_replies(connection, limit=6)
    cells = [(*end, messages) for end, messages in sorted(ends.items(), reverse=True)]
    view.show(table("Appointments", ("channel", "hand-off", "ended as", "messages"), cells, numeric=[3]))
    answers = [(row.channel, row.kind, row.text, row.times) for row in replies]
    view.show(table("What recipients said", ("channel", "kind", "text", "times"), answers, numeric=[3]))


def show_places(view: Screen, running: Deployment, login: SftpLogin, upload: str) -> None:
    """Where everything is that the demo made; ``upload`` is the path of the main file on SFTP."""
    rows = [
        ("Result and rejects", f"{login.username}@{login.host}:{login.port}{upload}.result.json, .rejects.csv"),
        ("on this disk", str(running.settings.data_dir / "sandbox" / "sftp" / "acme" / "billing" / "invoices")),
        ("Lake", running.settings.lake),
        ("Dagster, while it runs", running.dagster_url),
        ("Portal, while it runs", f"{running.portal_url}/docs"),
        ("What carriers got", str(running.sandbox.carriers["accepted"]) if running.sandbox else ""),
        ("Logs", str(running.logs)),
    ]
    view.show(table("Where things are", ("", ""), rows))
