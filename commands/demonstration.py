"""The demo's story: files in by SFTP and by the API, messages out on three channels, answers back, corrections, a report.

It drives the product by its own doors only: SFTP, the API, the carriers' side of the sandbox; and looks at what any team
can see: the files beside the upload, the lake, the ledger's counts.
"""

from __future__ import annotations

import csv
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.sample_contacts import (
    SampleFacts,
    write_sample_appointments,
    write_sample_contacts,
    write_sample_statements,
)
from commands.screen import Screen, bar_chart, clock, table
from nightmail.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from commands.deployment import Deployment
    from commands.sandbox_setup import SftpLogin
    from nightmail.campaigns.campaign_rows import CampaignRow
    from resources.sftp import SftpConnection

INVOICES, STATEMENTS, APPOINTMENTS = "invoices", "statements", "appointments"
FOLDER = "/invoices"
FILE_NAME = "invoices.csv"
SENDER = "+447700900123"
MOST_OPT_OUTS = 20
STOPPING = "+447915500100"
"""The first of the appointments: its recipient writes STOP when the message is already rendered."""
STARTING_PATIENCE_S = 300.0
LOOKING_SHARE = 20.0
"""Between two looks at the whole ledger passes so much more time than a look takes: it must not become the main work."""
STAGES = ("contact_file", "contacts", "audience", "messages")
"""What a campaign's preparation counts, in order; the ledger is the last step."""
ENDED = ("finished", "cancelled", "stopped")


@dataclass
class Totals:
    """What became of the contacts, over all files of the demo."""

    rows: int = 0
    rejects: int = 0
    duplicates: int = 0
    held: int = 0
    sent: int = 0
    failed: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def reconcile(self) -> bool:
        """Whether every row has exactly one end."""
        ends = self.rejects + self.duplicates + self.held + self.sent + self.failed
        return self.rows == ends and self.sent == self.delivered + self.undelivered

    def line(self, report: str) -> str:
        """The demo's last line."""
        counts = " ".join(f"{name}={value}" for name, value in self.__dict__.items())
        return f"demo: {counts} report={report}"


@dataclass
class Demonstration:
    """One run of the demo on a running deployment."""

    view: Screen
    running: Deployment
    rows: int
    files: Path
    facts: SampleFacts = field(default_factory=lambda: SampleFacts(0, ()))
    first_message_s: float | None = None

    def run(self) -> tuple[Totals, str]:
        """The whole story; gives the totals and the report's path."""
        started = time.monotonic()
        self._step("People who opted out before")
        self._opt_out_before()
        self._step(f"A file of {self.rows:,} rows lands on SFTP")
        uploaded = time.monotonic()
        self._upload(self.files / FILE_NAME, FILE_NAME)
        first = self._campaign_of_upload(FILE_NAME)
        self._follow([first], since=uploaded)
        self._show_result(first)
        self._step("Two more come in by the API; STOP arrives between rendering and hand-off")
        statements = self._send_by_api(STATEMENTS, self._statements_file())
        appointments = self._send_by_api(APPOINTMENTS, self._appointments_file())
        self._wait("the appointments", lambda: self._stop_before_hand_off(appointments))
        self._step("Email by the API, and appointments: text message first, a call to whom it did not reach")
        self._follow([statements, appointments])
        self._show_escalation(appointments)
        self._step("Two rows of the reject file are corrected, and it is dropped again")
        second = self._correct_and_drop(first)
        self._follow([second])
        self._show_correction(second)
        self._step("The delivery report")
        campaigns = [first, statements, appointments, second]
        totals, report = self._report(campaigns)
        self._show_end(totals, campaigns, time.monotonic() - started)
        return totals, report

    # --- Narration ----------------------------------------------------------------------------------------------------

    def _step(self, title: str) -> None:
        self.view.say()
        self.view.say(f"── {title} " + "─" * max(2, 96 - len(title)), style="bold cyan")

    def _say(self, line: str) -> None:
        self.view.say(f"   {line}")

    # --- The doors ----------------------------------------------------------------------------------------------------

    @property
    def _login(self) -> SftpLogin:
        assert self.running.sandbox is not None
        return self.running.sandbox.login("acme-billing", "acme/billing")

    @contextmanager
    def _sftp(self) -> Iterator[SftpConnection]:
        from resources.sftp import SftpConnection, SftpSettings

        login = self._login
        settings = SftpSettings(
            host=login.host, port=login.port, username=login.username, password=login.password, host_key=login.host_key
        )
        with SftpConnection(settings) as connection:
            yield connection

    def _upload(self, file: Path, name: str) -> None:
        with self._sftp() as connection, self.view.progress(lines=True) as progress:
            client = connection.client()
            client.put(
                str(file), f"{FOLDER}/{name}.part", callback=lambda done, total: progress("bytes uploaded", done, total)
            )
            client.posix_rename(f"{FOLDER}/{name}.part", f"{FOLDER}/{name}")
        login = self._login
        self._say(
            f"uploaded {file.stat().st_size:,} bytes as {login.username}@{login.host}:{login.port}{FOLDER}/{name}"
        )

    def _fetched(self, name: str) -> bytes | None:
        with self._sftp() as connection:
            try:
                with connection.client().open(f"{FOLDER}/{name}", "rb") as handle:
                    content: bytes = handle.read()
            except FileNotFoundError:
                return None
        return content

    def _ask(self, url: str, content: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(url, data=content, headers=headers)  # noqa: S310 - loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                answer: dict[str, Any] = json.loads(response.read() or b"{}")
        except urllib.error.HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            raise UnavailableError("demo_failed", problem=f"{url} answered {error.code}: {detail}") from error
        return answer

    def _send_by_api(self, feed: str, file: Path) -> str:
        """Upload a file as a program would; gives the campaign's key."""
        team = {STATEMENTS: "acme.billing", APPOINTMENTS: "acme.health"}[feed]
        query = {"feed": f"{team}/{feed}", "name": file.name}
        url = f"{self.running.portal_url}/v1/contact-files?{urllib.parse.urlencode(query)}"
        headers = {
            "Authorization": f"Bearer {self.running.new_keys[0].key}",
            "Content-Type": "application/octet-stream",
            "Idempotency-Key": f"demo-{file.name}",
        }
        answer = self._ask(url, file.read_bytes(), headers)
        self._say(f"POST /v1/contact-files {file.name} → campaign {answer['campaign']}")
        return str(answer["campaign"])

    def _recipient_writes(self, number: str, text: str) -> None:
        assert self.running.sandbox is not None
        body = json.dumps({"from": number, "to": SENDER, "body": text}).encode()
        self._ask(f"{self.running.sandbox.control_url}/inbound", body, {"Content-Type": "application/json"})

    # --- The story ----------------------------------------------------------------------------------------------------

    def _opt_out_before(self) -> None:
        with self.view.progress(lines=True) as progress:
            self.facts = write_sample_contacts(
                self.files / FILE_NAME, self.rows, progress=lambda done: progress("rows made up", done, self.rows)
            )
        numbers = self.facts.opted_out[:MOST_OPT_OUTS]
        for number in numbers:
            self._recipient_writes(number, "STOP")
        self._wait("the opt-outs", lambda: self._suppressions() >= len(set(numbers)))
        self._say(f"{len(numbers)} people wrote STOP to {SENDER}; the carrier told the portal, which remembers them")

    def _statements_file(self) -> Path:
        file = self.files / "statements.jsonl"
        write_sample_statements(file, 120)
        return file

    def _appointments_file(self) -> Path:
        file = self.files / "appointments.csv"
        write_sample_appointments(file, STOPPING, unreachable_numbers())
        return file

    def _stop_before_hand_off(self, key: str) -> bool:
        """One recipient of the appointments writes STOP once their message is rendered; whether it was done."""
        from nightmail.campaigns.approval import approve
        from nightmail.privacy import mask

        campaign = self._campaign(key)
        if str(campaign.state) in ("received", "checking"):
            return False
        if str(campaign.state) != "awaiting_approval":
            state = campaign.state.replace("_", " ")
            raise UnavailableError("demo_failed", problem=f"{key} is {state} and did not await approval")
        self._say(f"{key}: {self._messages(key)} messages are rendered and wait for a person's approval")
        before = self._suppressions()
        self._recipient_writes(STOPPING, "STOP")
        self._wait("the opt-out", lambda: self._suppressions() > before)
        self._say(f"{mask(STOPPING)} writes STOP now, between rendering and hand-off: they will not be sent to")
        approve(self.running.engine, key, actor="demo")
        self._say("the campaign is approved, as by `nightmail approve`")
        return True

    def _correct_and_drop(self, first: str) -> str:
        name = f"{FILE_NAME}.rejects.csv"
        content = self._fetched(name)
        if content is None:
            raise UnavailableError("demo_failed", problem=f"there is no {name} beside the upload")
        text = content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
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
        self._upload(file, name)
        return self._campaign_of_upload(name, but=first)

    # --- What can be seen ---------------------------------------------------------------------------------------------

    def _campaign(self, key: str) -> CampaignRow:
        from nightmail.campaigns.campaign_rows import get_campaign

        with self.running.engine.connect() as connection:
            return get_campaign(connection, key)

    def _messages(self, key: str) -> int:
        from nightmail.campaigns.counts import message_counts

        with self.running.engine.connect() as connection:
            return sum(message_counts(connection, self._campaign(key).id).values())

    def _suppressions(self) -> int:
        from nightmail.preparation.stored_inputs import known_preferences

        with self.running.engine.connect() as connection:
            return int(known_preferences(connection, "acme.health").suppressions.num_rows)

    def _campaign_of_upload(self, name: str, but: str | None = None) -> str:
        """The campaign that sensors made of a file; waits for it."""
        from nightmail.campaigns.campaign_rows import list_campaigns

        found: list[str] = []

        def there() -> bool:
            with self.running.engine.connect() as connection:
                found[:] = [
                    row.key
                    for row in list_campaigns(connection, team_path="acme.billing")
                    if row.feed == INVOICES and row.key != but
                ]
            return bool(found)

        since = time.monotonic()
        self._wait(f"the sensor to find {name}", there, STARTING_PATIENCE_S + self.rows / 1000)
        self._say(f"found by the sensor after {time.monotonic() - since:.1f} s: campaign {found[0]}")
        return found[0]

    def _wait(self, what: str, ready: Callable[[], bool], patience_s: float = STARTING_PATIENCE_S) -> None:
        self.running.supervisor.wait_for(what, ready, patience_s)

    def _follow(self, keys: list[str], since: float | None = None) -> None:
        """Show progress until every message of the campaigns has ended and its receipt is there."""
        from nightmail.reports.progress import CampaignProgress, campaign_progress

        patience = 600.0 + self.rows / 50
        rows: list[CampaignRow] = []
        told: dict[str, str] = {}
        with self.view.progress(lines=True) as progress:

            def done() -> bool:
                with self.running.engine.connect() as connection:
                    rows[:] = [self._campaign(key) for key in keys]
                    states = [campaign_progress(connection, row.id) for row in rows]
                for row in rows:
                    if told.get(row.key) != row.state:
                        told[row.key] = row.state
                        self.view.notice(f"   {row.key}: {row.state.replace('_', ' ')}")
                if since is not None and rows[0].state == "checking":
                    made = rows[0].counts.get("stages", {})
                    progress("stages prepared", sum(name in made for name in STAGES), len(STAGES) + 1)
                both = CampaignProgress(
                    _added(*(state.states for state in states)),
                    sum(state.arrived for state in states),
                    sum(state.not_arrived for state in states),
                )
                if since is not None and self.first_message_s is None and both.states.get("accepted"):
                    self.first_message_s = time.monotonic() - since
                if both.messages:
                    progress("handed off", both.messages - both.unsettled, both.messages)
                    progress("receipts", both.arrived + both.not_arrived, both.states.get("accepted", 0))
                ended = all(str(row.state) in ENDED for row in rows)
                return ended and not both.unsettled and not both.awaiting_receipt

            self._wait("the campaign", paced(done), patience)
        for row in rows:
            if row.problem:
                raise UnavailableError("demo_failed", problem=f"{row.key} was stopped: {row.problem.get('message')}")

    def _show_result(self, key: str) -> None:
        campaign = self._campaign(key)
        result = self._result(FILE_NAME)
        if self.first_message_s is not None:
            self._say(f"first message handed off {self.first_message_s:.1f} s after the upload")
        counts = result["counts"]
        cells = [(name, f"{value:,}") for name, value in counts.items()]
        self.view.show(table("Rows of the file", ("", "count"), cells, numeric=[1]))
        explained = [
            ("duplicate" if entry["reason"].startswith("duplicate") else name, entry["reason"], f"{entry['rows']:,}")
            for part, name in (("rejects", "reject"), ("held", "held"))
            for entry in result[part]
        ]
        self.view.show(table("By reason", ("", "reason", "rows"), explained, numeric=[2]))
        self._show_rejects()
        self._show_messages(campaign.key)

    def _result(self, name: str) -> dict[str, Any]:
        content: list[bytes] = []

        def final() -> bool:
            found = self._fetched(f"{name}.result.json")
            content[:] = [found] if found else []
            return bool(found) and json.loads(found or b"{}").get("state") not in ("received", "checking", None)

        self._wait(f"{name}.result.json", final)
        answer: dict[str, Any] = json.loads(content[0])
        return answer

    def _show_rejects(self) -> None:
        content = self._fetched(f"{FILE_NAME}.rejects.csv") or b""
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        cells: list[tuple[str, ...]] = []
        seen: set[str] = set()
        for row in rows:
            reason = row["nightmail_reason"].split(";")[0].strip()
            if reason not in seen and not reason.startswith("duplicate") and len(cells) < 3:
                seen.add(reason)
                cells.append((row["nightmail_line"], row["Mobile"], row["nightmail_message"]))
        self.view.show(table("Three rejected rows", ("line", "Mobile", "what to do"), cells))

    def _show_messages(self, key: str) -> None:
        from commands.check import message_samples
        from nightmail.lake import Lake
        from nightmail.privacy import mask

        messages = Lake(self.running.settings.lake).table("messages", key)
        self.view.say("Three messages as they were sent", style="bold")
        for row in message_samples(messages):
            self._say(
                f"line {row['line']}, {row['channel']} ({row['language']}) to {mask(row['address'])}: {row['body']}"
            )

    def _show_escalation(self, key: str) -> None:
        from nightmail.reports.campaign_messages import frequent_replies, report_lines

        ends: Counter[tuple[str, str, str]] = Counter()
        with self.running.engine.connect() as connection:
            for line in report_lines(connection, self._campaign(key)):
                ends[line.channel, line.state.replace("_", " "), line.delivery or line.reason or ""] += line.messages
            replies = frequent_replies(connection, limit=6)
        cells = [(*end, messages) for end, messages in sorted(ends.items(), reverse=True)]
        self.view.show(table("Appointments", ("channel", "hand-off", "ended as", "messages"), cells, numeric=[3]))
        answers = [(row.channel, row.kind, row.text, row.times) for row in replies]
        self.view.show(table("What recipients said", ("channel", "kind", "text", "times"), answers, numeric=[3]))

    def _show_correction(self, key: str) -> None:
        counts = self._campaign(key).counts
        self._say(
            f"{counts.get('rows')} rows came again: {counts.get('planned')} are new and were sent, "
            f"{counts.get('rejects')} are still rejected, {counts.get('duplicates', 0)} are still duplicates"
        )

    # --- The end ------------------------------------------------------------------------------------------------------

    def _report(self, keys: list[str]) -> tuple[Totals, str]:
        """The totals by contact, from the lake's delivery report, which the pipeline writes when things are quiet."""
        from commands.report import ASSET, chart_values, money, read_rows, report_files, summed
        from nightmail.lake import Lake

        lake = Lake(self.running.settings.lake)
        messages = sum(self._messages(key) for key in keys)
        seen = 0

        def whole() -> bool:
            nonlocal seen
            days = lake.partitions(ASSET, "day")
            written = sum(Path(name).stat().st_mtime_ns for name in report_files(lake, days)[::2])
            if written == seen:
                return False
            seen = written
            told = read_rows(lake, days, None)["message_id"]
            return len(told) - told.null_count >= messages and self._totals(keys).reconcile

        self._wait("the delivery report", paced(whole), 300.0 + self.rows / 500)
        days = lake.partitions(ASSET, "day")
        totals = summed(read_rows(lake, days, None))
        self.view.show(bar_chart("Messages", chart_values(totals)))
        self._say(
            f"cost {money(totals['costs'])}; {totals['segments']:,} segments; by channel: {_listed(totals['channel'])}"
        )
        files = report_files(lake, days)
        self._say(f"report  {files[-2]}")
        self._say(f"page    {files[-1]}")
        return self._totals(keys), files[-2]

    def _totals(self, keys: list[str]) -> Totals:
        from commands.report import ASSET
        from nightmail.lake import Lake

        lake = Lake(self.running.settings.lake)
        totals = Totals()
        for key in keys:
            counts = self._campaign(key).counts
            totals.rows += int(counts.get("rows", 0))
            totals.rejects += int(counts.get("rejects", 0))
            totals.duplicates += int(counts.get("duplicates", 0))
        tables = [
            lake.table(ASSET, day, "day").read(["campaign", "line", "state", "status"])
            for day in lake.partitions(ASSET, "day")
        ]
        add_contacts(totals, tables)
        return totals

    def _show_end(self, totals: Totals, keys: list[str], seconds: float) -> None:
        del keys
        running, login = self.running, self._login
        rows = [
            (
                "Result and rejects",
                f"{login.username}@{login.host}:{login.port}{FOLDER}/{FILE_NAME}.result.json, .rejects.csv",
            ),
            ("on this disk", str(running.settings.data_dir / "sandbox" / "sftp" / "acme" / "billing" / "invoices")),
            ("Lake", running.settings.lake),
            ("Dagster, while it runs", running.dagster_url),
            ("Portal, while it runs", f"{running.portal_url}/docs"),
            ("What carriers got", str(running.sandbox.carriers["accepted"]) if running.sandbox else ""),
            ("Logs", str(running.logs)),
        ]
        self.view.show(table("Where things are", ("", ""), rows))
        style = "green" if totals.reconcile else "bold red"
        verdict = "every row has exactly one end" if totals.reconcile else "the rows do not reconcile"
        self.view.say(f"   {clock(seconds)}; {verdict}", style=style)


def paced(look: Callable[[], bool], pause_s: float = 0.3) -> Callable[[], bool]:
    """``look``, but not again before ``pause_s`` are over, or :data:`LOOKING_SHARE` times as long as the last one took."""
    again_at = float("-inf")

    def now() -> bool:
        nonlocal again_at
        began = time.monotonic()
        if began < again_at:
            return False
        found = look()
        again_at = time.monotonic() + max(pause_s, LOOKING_SHARE * (time.monotonic() - began))
        return found

    return now


def add_contacts(totals: Totals, tables: list[Any]) -> None:
    """Count contacts by how they ended, from delivery reports' rows: one contact may have several messages."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from nightmail.carriers.protocol import NOT_REACHED, REACHED

    if not tables:
        return
    rows = pa.concat_tables(tables)
    accepted = pc.equal(rows["state"], "accepted")
    flags = {
        "sent": accepted,
        "failed": pc.equal(rows["state"], "failed"),
        "held": pc.equal(rows["state"], "held"),
        "delivered": pc.and_(accepted, pc.is_in(rows["status"], pa.array([str(s) for s in REACHED]))),
        "undelivered": pc.and_(accepted, pc.is_in(rows["status"], pa.array([str(s) for s in NOT_REACHED]))),
    }
    marked = pa.table({"campaign": rows["campaign"], "line": rows["line"], **flags})
    grouped = marked.group_by(["campaign", "line"]).aggregate([(name, "any") for name in flags])
    sent, delivered = grouped["sent_any"], grouped["delivered_any"]
    failed = pc.and_(grouped["failed_any"], pc.invert(sent))
    held = pc.and_(grouped["held_any"], pc.invert(pc.or_(sent, grouped["failed_any"])))
    undelivered = pc.and_(grouped["undelivered_any"], pc.invert(delivered))
    for name, column in (
        ("sent", sent),
        ("failed", failed),
        ("held", held),
        ("delivered", delivered),
        ("undelivered", undelivered),
    ):
        setattr(totals, name, getattr(totals, name) + int(pc.sum(column).as_py() or 0))


def unreachable_numbers() -> tuple[str, ...]:
    """Numbers on which text messages fail in the sandbox: four whose owners answer a call with a key, one with a machine."""
    from sandbox.behaviour import Behaviour

    behaviour = Behaviour()
    numbers = [f"+447914{middle}{ending}" for middle in range(10, 100) for ending in ("7010", "7011", "7012", "7013")]
    fates = {number: behaviour.call_fate(number) for number in numbers}
    pressed = [number for number, (fate, keys) in fates.items() if fate == "human" and keys]
    machines = [number for number, (fate, _) in fates.items() if fate == "machine"]
    return (*pressed[:4], *machines[:1])


def _added(*counts: dict[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, value in each.items():
            total[name] = total.get(name, 0) + value
    return total


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in sorted(counts.items(), key=lambda item: -item[1]))
