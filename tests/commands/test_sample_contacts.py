"""The demo's files: the same every time, with every oddity that they are for, and judged as the demo says."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest

from commands.demonstration.sample_contacts import write_sample_contacts
from commands.demonstration.sample_orders import write_sample_appointments, write_sample_statements
from commands.demonstration.story import STOPPING, unreachable_numbers
from sandbox.behaviour import Behaviour
from tests.commands.conftest import CommandLine

TODAY = dt.date(2026, 11, 23)
EXPECTED = {
    "rejects": {"phone_invalid", "phone_damaged", "no_address", "placeholder_missing"},
    "duplicates": {"duplicate_row", "duplicate_external_id"},
    "held": {"minor", "country_not_served", "phone_not_mobile"},
}


def test_a_seed_makes_the_same_file(tmp_path: Path) -> None:
    first = write_sample_contacts(tmp_path / "a.csv", 500, today=TODAY)
    again = write_sample_contacts(tmp_path / "b.csv", 500, today=TODAY)
    assert first == again
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_the_file_is_like_life(command_line: CommandLine, tmp_path: Path) -> None:
    """Every kind of reject, duplicate and hold that the demo tells of is in it, and nearly all rows are good."""
    file, feed = tmp_path / "invoices.csv", tmp_path / "feed.yaml"
    write_sample_contacts(file, 1000)
    feed.write_text("channels: [sms]\n")
    answer = command_line.json("check", file, "--template", "invoice_due", "--country", "GB", "--feed-settings", feed)
    for part, reasons in EXPECTED.items():
        assert reasons <= set(answer[part]["by_reason"]), part
    assert answer["counts"]["rows"] == 1000
    assert answer["counts"]["planned"] > 850
    assert set(answer["messages"]["by_language"]) >= {"en", "de", "fr"}


def test_the_two_typing_errors_are_mended_by_their_corrections(command_line: CommandLine, tmp_path: Path) -> None:
    file, feed = tmp_path / "invoices.csv", tmp_path / "feed.yaml"
    facts = write_sample_contacts(file, 200)
    feed.write_text("channels: [sms]\n")
    assert len(facts.corrections) == 2
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    wrong = [row for row in rows if row[0] in facts.corrections]
    for row in wrong:
        row[3] = facts.corrections[row[0]]
    mended = tmp_path / "mended.csv"
    with mended.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([rows[0], *wrong])
    before = command_line.json("check", file, "--template", "invoice_due", "--feed-settings", feed)
    assert before["counts"]["rejects"] > 2
    after = command_line.json("check", mended, "--template", "invoice_due", "--feed-settings", feed)
    assert (after["counts"]["rejects"], after["counts"]["planned"]) == (0, 2)


@pytest.mark.parametrize("rows", [100, 12_345])
def test_a_file_has_as_many_rows_as_asked_for(tmp_path: Path, rows: int) -> None:
    assert write_sample_contacts(tmp_path / "c.csv", rows, today=TODAY).rows == rows
    with (tmp_path / "c.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert sum(1 for _ in csv.reader(handle)) == rows + 1


def test_no_number_has_a_fate_by_chance(tmp_path: Path) -> None:
    """A number that the sandbox never says anything of would leave the demo without an end."""
    write_sample_contacts(tmp_path / "c.csv", 20_000, today=TODAY)
    with (tmp_path / "c.csv").open(encoding="utf-8-sig", newline="") as handle:
        phones = ["".join(c for c in row["Mobile"].removesuffix(".0") if c.isdigit()) for row in csv.DictReader(handle)]
    assert {phone[-4:] for phone in phones if phone[-4:-2] == "70" and len(phone) > 7} <= {"7001", "7010", "7022"}


def test_the_api_files_are_good(command_line: CommandLine, tmp_path: Path) -> None:
    write_sample_statements(tmp_path / "statements.jsonl", 80)
    email = tmp_path / "feed.yaml"
    email.write_text("channels: [email]\n")
    statements = command_line.json(
        "check", tmp_path / "statements.jsonl", "--template", "invoice_due", "--feed-settings", email
    )
    assert statements["counts"]["planned"] == 78
    assert statements["rejects"]["by_reason"] == {"email_invalid": 2}
    write_sample_appointments(tmp_path / "appointments.csv", STOPPING, unreachable_numbers())
    escalation = tmp_path / "escalation.yaml"
    escalation.write_text("channels: [sms, voice]\ndelivery: escalation\n")
    appointments = command_line.json(
        "check",
        tmp_path / "appointments.csv",
        "--template",
        "appointment_reminder",
        "--feed-settings",
        escalation,
    )
    counts = appointments["counts"]
    assert (counts["planned"], counts["queued"], counts["standby"]) == (30, 30, 30)


def test_the_unreachable_are_called_and_answer() -> None:
    behaviour = Behaviour()
    numbers = unreachable_numbers()
    assert all(behaviour.sms_fate(number)[0] == "undelivered" for number in numbers)
    fates = [behaviour.call_fate(number) for number in numbers]
    assert [fate for fate, _ in fates] == ["human"] * 4 + ["machine"]
    assert all(keys for fate, keys in fates if fate == "human")
