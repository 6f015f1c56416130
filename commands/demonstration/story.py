"""The demo's story, step by step."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.demonstration.doors import APPOINTMENTS, FOLDER, INVOICES, SENDER, STATEMENTS, Doors
from commands.demonstration.pacing import paced
from commands.demonstration.sample_contacts import SampleFacts, write_sample_contacts
from commands.demonstration.sample_orders import write_sample_appointments, write_sample_statements
from commands.demonstration.showing import show_escalation, show_messages, show_places, show_rejects, show_result
from commands.demonstration.totals import Totals, totals_of
from commands.demonstration.watching import Watch
from commands.screen import Screen, bar_chart, clock
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from commands.deployment import Deployment

FILE_NAME = "invoices.csv"
MOST_OPT_OUTS = 20
STOPPING = "+447915500100"
"""The first of the appointments: its recipient writes STOP when the message is already rendered."""
BILLING, HEALTH = "acme.billing", "acme.health"


@dataclass
class Demonstration:
    """One run of the demo on a running deployment, with a main file of ``rows`` rows."""

    view: Screen
    running: Deployment
    rows: int
    files: Path
    facts: SampleFacts = field(default_factory=lambda: SampleFacts(0, ()))
    campaigns: list[str] = field(default_factory=list)
    """The keys of the campaigns that it sent."""

    def __post_init__(self) -> None:
        self.doors = Doors(self.running, self.view, self._say)
        self.watch = Watch(self.running, self.view, self.rows)

    def run(self) -> tuple[Totals, str]:
        """Tell the whole story; gives the totals and the report's path."""
        started = time.monotonic()
        self._step("People who opted out before")
        self._opt_out_before()
        self._step(f"A file of {self.rows:,} rows lands on SFTP")
        uploaded = time.monotonic()
        self.doors.upload(self.files / FILE_NAME, FILE_NAME)
        first = self._campaign_of_upload(FILE_NAME)
        self.watch.follow([first], since=uploaded)
        self._show_first(first)
        self._step("Two more come in by the API; STOP arrives between rendering and hand-off")
        statements = self.doors.send_by_api(STATEMENTS, self._statements_file())
        appointments = self.doors.send_by_api(APPOINTMENTS, self._appointments_file())
        self.watch.wait("the appointments", lambda: self._stop_before_hand_off(appointments))
        self._step("Email by the API, and appointments: text message first, a call to whom it did not reach")
        self.watch.follow([statements, appointments])
        show_escalation(self.view, self.running, self.watch.campaign(appointments))
        self._step("Two rows of the reject file are corrected, and it is dropped again")
        second = self._correct_and_drop(first)
        self.watch.follow([second])
        self._show_correction(second)
        self._step("From the desk: a template, a list, a look at all of it, and off")
        desk = self._send_from_the_desk()
        self.watch.follow([desk])
        self._step("The delivery report")
        self.campaigns = [first, statements, appointments, second, desk]
        totals, report = self._report(self.campaigns)
        show_places(self.view, self.running, self.doors.login, f"{FOLDER}/{FILE_NAME}")
        style = "green" if totals.reconcile else "bold red"
        verdict = "every row has exactly one end" if totals.reconcile else "the rows do not reconcile"
        self.view.say(f"   {clock(time.monotonic() - started)}; {verdict}", style=style)
        return totals, report

    def _step(self, title: str) -> None:
        self.view.say()
        self.view.say(f"── {title} " + "─" * max(2, 96 - len(title)), style="bold cyan")

    def _say(self, line: str) -> None:
        self.view.say(f"   {line}")

    # --- Files in -----------------------------------------------------------------------------------------------------

    def _opt_out_before(self) -> None:
        with self.view.progress(lines=True) as progress:
            self.facts = write_sample_contacts(
                self.files / FILE_NAME, self.rows, progress=lambda done: progress("rows made up", done, self.rows)
            )
        numbers = self.facts.opted_out[:MOST_OPT_OUTS]
        for number in numbers:
            self.doors.recipient_writes(number, "STOP")
        self.watch.wait("the opt-outs", lambda: self.watch.suppressions(HEALTH) >= len(set(numbers)))
        self._say(
            f"{len(numbers)} people wrote STOP to {SENDER}; the carrier passed it to the portal, which suppressed them"
        )

    def _campaign_of_upload(self, name: str, but: str | None = None) -> str:
        since = time.monotonic()
        key = self.watch.campaign_of_upload(name, team=BILLING, feed=INVOICES, but=but)
        self._say(f"found by the sensor after {time.monotonic() - since:.1f} s: campaign {key}")
        return key

    def _statements_file(self) -> Path:
        file = self.files / "statements.jsonl"
        write_sample_statements(file, 120)
        return file

    def _appointments_file(self) -> Path:
        file = self.files / "appointments.csv"
        write_sample_appointments(file, STOPPING, unreachable_numbers())
        return file

    # --- What happens on the way --------------------------------------------------------------------------------------

    def _stop_before_hand_off(self, key: str) -> bool:
        """One recipient of the appointments writes STOP once their message is rendered; whether it was done."""
        from nightmail.campaigns.approval import approve
        from nightmail.privacy import mask

        campaign = self.watch.campaign(key)
        if str(campaign.state) in ("received", "checking"):
            return False
        if str(campaign.state) != "awaiting_approval":
            state = campaign.state.replace("_", " ")
            raise UnavailableError("demo_failed", problem=f"{key} is {state} and did not await approval")
        self._say(f"{key}: {self.watch.messages(key)} messages are rendered and wait for a person's approval")
        before = self.watch.suppressions(HEALTH)
        self.doors.recipient_writes(STOPPING, "STOP")
        self.watch.wait("the opt-out", lambda: self.watch.suppressions(HEALTH) > before)
        self._say(f"{mask(STOPPING)} writes STOP now, between rendering and hand-off: they will not be sent to")
        approve(self.running.engine, key, actor="demo")
        self._say("the campaign is approved, as by `nightmail approve`")
        return True

    def _correct_and_drop(self, first: str) -> str:
        """Correct two rows of the reject file and drop it again; gives the key of its campaign."""
        name = f"{FILE_NAME}.rejects.csv"
        content = self.doors.fetched(name)
        if content is None:
            raise UnavailableError("demo_failed", problem=f"there is no {name} beside the upload")
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        header, corrected = rows[0], 0
        identity, phone = header.index("Customer No"), header.index("Mobile")
        for row in rows[1:]:
            right = self.facts.corrections.get(row[identity])
            if right is not None and corrected < 2:
                self._say(f"line {row[header.index('nightmail_line')]}: {row[phone]} → {right}")
                row[phone] = right
                corrected += 1
        file = self.files / name
        with file.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows(rows)
        self.doors.upload(file, name)
        return self._campaign_of_upload(name, but=first)

    def _send_from_the_desk(self) -> str:
        """Fill the address book and send to a list, as the portal's page `Send` does; gives the campaign's key."""
        from commands.demonstration.desk import LIST, TEAM, TEMPLATE, Desk
        from nightmail.access.principals import product_principal
        from nightmail.store.clock import database_time

        running = self.running
        settings = running.settings.model_copy(update={"public_url": running.portal_url})
        desk = Desk(running.engine, settings, product_principal("demo"), self._say)
        with running.engine.connect() as connection:
            today = database_time(connection).date()
        desk.fill(today)
        return desk.send(TEAM, TEMPLATE, LIST)

    # --- What is shown ------------------------------------------------------------------------------------------------

    def _show_first(self, key: str) -> None:
        from nightmail.lake import Lake

        result = self._result(FILE_NAME)
        if self.watch.first_message_s is not None:
            self._say(f"first message handed off {self.watch.first_message_s:.1f} s after the upload")
        show_result(self.view, result)
        show_rejects(self.view, self.doors.fetched(f"{FILE_NAME}.rejects.csv") or b"")
        show_messages(self.view, Lake(self.running.settings.lake), key)

    def _result(self, name: str) -> dict[str, Any]:
        """The result file beside an upload, once the campaign is prepared."""
        content: list[bytes] = []

        def final() -> bool:
            found = self.doors.fetched(f"{name}.result.json")
            content[:] = [found] if found else []
            return bool(found) and json.loads(found or b"{}").get("state") not in ("received", "checking", None)

        self.watch.wait(f"{name}.result.json", final)
        answer: dict[str, Any] = json.loads(content[0])
        return answer

    def _show_correction(self, key: str) -> None:
        counts = self.watch.campaign(key).counts
        self._say(
            f"{counts.get('rows')} rows came again: {counts.get('planned')} are new and were sent, "
            f"{counts.get('rejects')} are still rejected, {counts.get('duplicates', 0)} are still duplicates"
        )

    def _report(self, keys: list[str]) -> tuple[Totals, str]:
        """The totals by contact, from the lake's delivery report, which the pipeline writes when things are quiet."""
        from commands.report import ASSET, chart_values, money, read_rows, report_files, summed
        from nightmail.lake import Lake

        lake = Lake(self.running.settings.lake)
        messages = sum(self.watch.messages(key) for key in keys)
        seen = 0

        def whole() -> bool:
            nonlocal seen
            days = lake.partitions(ASSET, "day")
            written = sum(Path(name).stat().st_mtime_ns for name in report_files(lake, days)[::2])
            if written == seen:
                return False
            seen = written
            ids = read_rows(lake, days, None)["message_id"]
            return len(ids) - ids.null_count >= messages and self._totals(keys).reconcile

        self.watch.wait("the delivery report", paced(whole), 300.0 + self.rows / 500)
        days = lake.partitions(ASSET, "day")
        summary = summed(read_rows(lake, days, None))
        self.view.show(bar_chart("Messages", chart_values(summary)))
        channels = sorted(summary["channel"].items(), key=lambda item: -item[1])
        by_channel = ", ".join(f"{count:,} {name}" for name, count in channels)
        self._say(f"cost {money(summary['costs'])}; {summary['segments']:,} segments; by channel: {by_channel}")
        files = report_files(lake, days)
        self._say(f"report  {files[-2]}")
        self._say(f"page    {files[-1]}")
        return self._totals(keys), files[-2]

    def _totals(self, keys: list[str]) -> Totals:
        from nightmail.lake import Lake

        return totals_of(Lake(self.running.settings.lake), [self.watch.campaign(key) for key in keys])


def unreachable_numbers() -> tuple[str, ...]:
    """Numbers on which text messages fail in the sandbox: four whose owners answer a call with a key, one with a machine."""
    from sandbox.behaviour import Behaviour

    behaviour = Behaviour()
    numbers = [f"+447914{middle}{ending}" for middle in range(10, 100) for ending in ("7010", "7011", "7012", "7013")]
    fates = {number: behaviour.call_fate(number) for number in numbers}
    pressed = [number for number, (fate, keys) in fates.items() if fate == "human" and keys]
    machines = [number for number, (fate, _) in fates.items() if fate == "machine"]
    return (*pressed[:4], *machines[:1])
