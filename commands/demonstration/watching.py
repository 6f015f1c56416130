"""What the demo can see of its campaigns, as any team can, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.demonstration.pacing import paced
from commands.screen import Screen
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from commands.deployment import Deployment
    from nightmail.campaigns.campaign_rows import CampaignRow
    from nightmail.reports.progress import CampaignProgress

STARTING_PATIENCE_S = 300.0
"""Seconds that a part of the story may take, apart from its rows."""
STAGES = ("contact_file", "contacts", "audience", "messages")
"""What a campaign's preparation counts, in order; the ledger is the last step."""
ENDED = ("finished", "cancelled", "stopped")


@dataclass
class Watch:
    """Looks at a running deployment, for a demo of ``rows`` rows."""

    running: Deployment
    view: Screen
    rows: int
    first_message_s: float | None = None
    """Seconds from an upload to its first message, once one was followed."""

    def campaign(self, key: str) -> CampaignRow:
        """The campaign as it is now."""
        from nightmail.campaigns.campaign_rows import get_campaign

        with self.running.engine.connect() as connection:
            return get_campaign(connection, key)

    def messages(self, key: str) -> int:
        """The number of messages of a campaign."""
        from nightmail.campaigns.counts import message_counts

        with self.running.engine.connect() as connection:
            return sum(message_counts(connection, self.campaign(key).id).values())

    def suppressions(self, team: str) -> int:
        """The number of suppressions that hold for a team."""
        from nightmail.preparation.stored_inputs import known_preferences

        with self.running.engine.connect() as connection:
            return int(known_preferences(connection, team).suppressions.num_rows)

    def wait(self, what: str, ready: Callable[[], bool], patience_s: float = STARTING_PATIENCE_S) -> None:
        """Wait until ``ready``. Raises :class:`UnavailableError` when a part ends or the time is over."""
        self.running.supervisor.wait_for(what, ready, patience_s)

    def campaign_of_upload(self, name: str, *, team: str, feed: str, but: str | None = None) -> str:
        """The key of the campaign that a sensor makes of an uploaded file, other than ``but``; waits for it."""
        from nightmail.campaigns.campaign_rows import list_campaigns

        found: list[str] = []

        def there() -> bool:
            with self.running.engine.connect() as connection:
                found[:] = [
                    row.key for row in list_campaigns(connection, team_path=team) if row.feed == feed and row.key != but
                ]
            return bool(found)

        self.wait(f"the sensor to find {name}", there, STARTING_PATIENCE_S + self.rows / 1000)
        return found[0]

    def follow(self, keys: list[str], since: float | None = None) -> None:
        """Show progress until every message of the campaigns has ended and its receipt is there.

        With ``since``, the moment of an upload, the stages of its preparation are shown as well. Raises
        :class:`UnavailableError` (``demo_failed``) when a campaign was stopped.
        """
        rows: list[CampaignRow] = []
        shown: dict[str, str] = {}
        with self.view.progress(lines=True) as progress:

            def done() -> bool:
                from nightmail.reports.progress import campaign_progress

                with self.running.engine.connect() as connection:
                    rows[:] = [self.campaign(key) for key in keys]
                    together = _together([campaign_progress(connection, row.id) for row in rows])
                for row in rows:
                    if shown.get(row.key) != row.state:
                        shown[row.key] = row.state
                        self.view.notice(f"   {row.key}: {row.state.replace('_', ' ')}")
                if since is not None and rows[0].state == "checking":
                    made = rows[0].counts.get("stages", {})
                    progress("stages prepared", sum(name in made for name in STAGES), len(STAGES) + 1)
                if since is not None and self.first_message_s is None and together.states.get("accepted"):
                    self.first_message_s = time.monotonic() - since
                if together.messages:
                    progress("handed off", together.messages - together.unsettled, together.messages)
                    arrived = together.arrived + together.not_arrived
                    progress("receipts", arrived, together.states.get("accepted", 0))
                ended = all(str(row.state) in ENDED for row in rows)
                return ended and not together.unsettled and not together.awaiting_receipt

            self.wait("the campaign", paced(done), 600.0 + self.rows / 50)
        for row in rows:
            if row.problem:
                raise UnavailableError("demo_failed", problem=f"{row.key} was stopped: {row.problem.get('message')}")


def _together(all_progress: list[CampaignProgress]) -> CampaignProgress:
    from nightmail.reports.progress import CampaignProgress

    states: dict[str, int] = {}
    for each in all_progress:
        for name, count in each.states.items():
            states[name] = states.get(name, 0) + count
    return CampaignProgress(
        states, sum(each.arrived for each in all_progress), sum(each.not_arrived for each in all_progress)
    )
