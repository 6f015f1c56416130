"""`nightmail check`: what other programs rely on. Keys, columns and exit codes here are promises."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from commands.local import CHECKOUT
from nightmail.lake.schemas import AUDIENCE, CONTACTS, MESSAGES, REJECTS, WARNINGS
from tests.commands.conftest import CommandLine

TEMPLATE = """\
name: bill
category: billing
default_language: en
placeholders:
  amount: {type: money, currency: EUR}
  first_name: {type: text, fallback: customer}
languages:
  en: {sms: "Dear {{ first_name }}, {{ amount }} is due."}
  de: {sms: "Guten Tag {{ first_name }}, {{ amount }} sind fällig."}
"""
ROWS = """\
id,mobile,first name,amount,language
1,+447912345678,Amelia,12.50,en
2,07912 345679,Jürgen,7,de
3,12345,Zoë,8.00,en
4,+447912345680,,9.99,
5,+447912345681,Ann,,en
1,+447912345678,Amelia,12.50,en
6,+442079460018,Office,5.00,en
"""
KEYS = {
    *("ok", "sandbox", "file", "template", "counts", "contact_file", "rejects", "duplicates", "warnings", "held"),
    *("decisions", "messages", "problems", "tables", "seconds", "phone_metadata_version", "default_country"),
    *("finishes_by", "cut_off_at", "late", "late_warning", "feed", "waits_for_approval_because"),
}
COUNTS = ("rows", "rejects", "duplicates", "contacts", "planned", "held", "messages", "queued", "standby")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "bill.yaml"
    path.write_text(TEMPLATE)
    return path


@pytest.fixture
def contacts(write_csv: Callable[..., Path]) -> Path:
    return write_csv(ROWS)


def test_the_answer_has_the_promised_keys_and_adds_up(
    command_line: CommandLine, contacts: Path, template: Path
) -> None:
    answer = command_line.json("check", contacts, "--template", template, "--country", "GB")
    assert set(answer) == KEYS
    assert (answer["ok"], answer["sandbox"], answer["problems"], answer["tables"]) == (True, True, [], {})
    counts = answer["counts"]
    assert tuple(counts) == COUNTS
    assert counts["rows"] == 7 == counts["rejects"] + counts["duplicates"] + counts["contacts"]
    assert counts["contacts"] == counts["planned"] + counts["held"]
    assert (counts["rejects"], counts["duplicates"], counts["held"], counts["messages"]) == (2, 1, 1, 3)
    assert answer["rejects"]["by_reason"] == {"phone_invalid": 1, "placeholder_missing": 1}
    assert answer["duplicates"]["by_reason"] == {"duplicate_row": 1}
    assert answer["held"]["by_reason"] == {"phone_not_mobile": 1}
    assert {"line", "column", "value", "reason", "message"} <= set(answer["rejects"]["samples"][0])
    assert answer["contact_file"]["mapping"]["mobile"] == "phone"
    assert answer["messages"]["by_language"] == {"de": 1, "en": 2}


def test_messages_are_shown_as_they_would_be_sent(command_line: CommandLine, contacts: Path, template: Path) -> None:
    answer = command_line.json("check", contacts, "--template", template, "--country", "GB")
    bodies = {(row["line"], row["address"]): row["body"] for row in answer["messages"]["samples"]}
    assert bodies[2, "+447912345678"] == "Dear Amelia, €12.50 is due."
    assert bodies[3, "+447912345679"].startswith("Guten Tag Jürgen, 7,00")
    assert bodies[5, "+447912345680"] == "Dear customer, €9.99 is due."


def test_out_writes_every_stage_with_the_promised_columns(
    command_line: CommandLine, contacts: Path, template: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    answer = command_line.json("check", contacts, "--template", template, "--country", "GB", "--out", out)
    schemas = {
        "contacts": CONTACTS,
        "rejects": REJECTS,
        "warnings": WARNINGS,
        "audience": AUDIENCE,
        "messages": MESSAGES,
    }
    assert set(answer["tables"]) == {"contact_file", *schemas}
    for name, schema in schemas.items():
        table = pq.read_table(answer["tables"][name])
        assert set(schema.names) <= set(table.column_names)
        assert all(table.schema.field(column.name).type == column.type for column in schema)
    contact = pq.read_table(out / "contacts.parquet").to_pylist()[1]
    assert (contact["line"], contact["external_id"], contact["phone"]) == (3, "2", "+447912345679")
    reject = {row["line"]: row for row in pq.read_table(out / "rejects.parquet").to_pylist()}
    assert (reject[4]["column"], reject[4]["value"], reject[4]["reason"]) == ("phone", "12345", "phone_invalid")
    assert reject[7]["duplicate_of"] == 2
    message = pq.read_table(out / "messages.parquet").to_pylist()[0]
    assert message["message_id"] == "c0000000000-2-sms-0"
    assert message["segments"] == 1


def test_people_see_counts_reasons_and_messages(command_line: CommandLine, contacts: Path, template: Path) -> None:
    result = command_line.run("check", contacts, "--template", template, "--country", "GB")
    assert result.exit_code == 0
    for expected in ("7 rows", "phone_invalid", "12345 is not a valid phone number", "Dear Amelia", "nothing was sent"):
        assert expected in result.stdout
    assert "S A N D B O X" in result.stderr
    assert "S A N D B O X" not in result.stdout


def test_without_a_template_the_contacts_are_still_checked(command_line: CommandLine, contacts: Path) -> None:
    answer = command_line.json("check", contacts, "--country", "GB")
    assert answer["template"]["name"] == "contacts_only"
    assert (answer["counts"]["rejects"], answer["counts"]["duplicates"]) == (1, 1)


def test_a_text_file_is_a_text_message(command_line: CommandLine, contacts: Path, tmp_path: Path) -> None:
    body = tmp_path / "hello.txt"
    body.write_text("Hello {{ first_name }}")
    answer = command_line.json("check", contacts, "--template", body, "--country", "GB")
    assert answer["template"]["channels"] == ["sms"]
    assert answer["rejects"]["by_reason"]["placeholder_missing"] == 1


def test_feed_settings_decide_mapping_and_limits(
    command_line: CommandLine, contacts: Path, template: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "feed.yaml"
    settings.write_text("reject_limit: 0.1\nreject_limit_from_rows: 1\nunique_by: []\n")
    answer = command_line.json(
        "check", contacts, "--template", template, "--country", "GB", "--feed-settings", settings, code=4
    )
    assert answer["ok"] is False
    assert [problem["reason"] for problem in answer["problems"]] == ["file_over_reject_limit"]
    assert answer["problems"][0]["remedy"]


def test_a_key_that_many_share_stops_a_feeds_file(command_line: CommandLine, tmp_path: Path) -> None:
    """Five people with one id are one contact: without a feed it is a warning, a feed's limit stops the file."""
    file, body, settings = tmp_path / "in.csv", tmp_path / "t.txt", tmp_path / "feed.yaml"
    rows = [f"A1,+44740012341{at},x{at}" for at in range(5)]
    file.write_text("\n".join(["external_id,phone,name", *rows]) + "\n")
    body.write_text("Hi {{ name }}")
    answer = command_line.json("check", file, "--template", body)
    assert (answer["counts"]["contacts"], answer["warnings"]["by_reason"]) == (1, {"key_shared": 1})
    settings.write_text("reject_limit_from_rows: 1\n")
    answer = command_line.json("check", file, "--template", body, "--feed-settings", settings, code=4)
    assert [problem["reason"] for problem in answer["problems"]] == ["file_over_shared_key_limit"]
    settings.write_text("reject_limit_from_rows: 1\nshared_key_limit: 0.8\n")
    assert command_line.json("check", file, "--template", body, "--feed-settings", settings)["ok"]


def test_text_of_another_tool_is_said_and_stops_the_file_where_a_column_has_its_name(
    command_line: CommandLine, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    """https://github.com/Mailtrain-org/mailtrain/issues/510: pasted text would have gone out to everybody as it stood."""
    template = tmp_path / "t.txt"
    template.write_text("Hi *|FNAME|*,\nit’s {name}.\n")
    contacts = write_csv("external_id,phone,first\n1,+447400123410,Anna\n")
    answer = command_line.json("check", contacts, "--template", template)
    found = [(w["reason"], w["where"], w["line"]) for w in answer["warnings"]["of_the_template"]]
    assert found == [
        ("template_foreign_placeholder", "en/sms", 1),
        ("template_foreign_placeholder", "en/sms", 2),
        ("template_costly_character", "en/sms", 2),
    ]
    assert "’" in [entry["character"] for entry in answer["messages"]["characters"]["characters"]]
    shown = command_line.run("check", contacts, "--template", template).stdout
    assert "note: en/sms (line 1): *|FNAME|* looks like a placeholder of another tool" in " ".join(shown.split())
    contacts = write_csv("external_id,phone,Name\n1,+447400123410,Anna\n")
    answer = command_line.json("check", contacts, "--template", template, code=4)
    (problem,) = answer["problems"]
    assert problem["reason"] == "file_foreign_placeholder"
    assert problem["message"].startswith("en/sms (line 2): {name} is how another tool writes the column name")
    assert problem["remedy"].startswith("Write {{ name }} in the template")


def test_a_column_that_the_template_needs_is_missing(
    command_line: CommandLine, write_csv: Callable[..., Path], template: Path
) -> None:
    file = write_csv("id,mobile\n1,+447912345678\n")
    answer = command_line.json("check", file, "--template", template, code=4)
    assert "amount" in answer["problems"][0]["message"]
    assert answer["counts"]["messages"] == 0


def test_what_follows_from_a_number_is_no_missing_column(
    command_line: CommandLine, write_csv: Callable[..., Path], tmp_path: Path
) -> None:
    body = tmp_path / "where.txt"
    body.write_text("{{ country }} {{ time_zone }}")
    answer = command_line.json("check", write_csv("mobile\n+447912345678\n"), "--template", body)
    assert [row["body"] for row in answer["messages"]["samples"]] == ["GB Europe/London"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file_empty"),
        (b"id,mobile\n", "file_no_rows"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 8, "file_not_text"),
        (b"+447912345678,Ann\n+447912345679,Bob\n", "file_no_header"),
    ],
)
def test_a_file_that_cannot_be_used_is_answered_with_its_reason(
    command_line: CommandLine, write_csv: Callable[..., Path], content: bytes, reason: str
) -> None:
    answer = command_line.json("check", write_csv(content), code=3)
    assert answer["ok"] is False
    assert answer["error"]["reason"] == reason
    assert answer["error"]["message"]
    assert answer["error"]["remedy"]


def test_a_file_over_the_limit_is_refused(
    command_line: CommandLine, contacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTMAIL_MAXIMUM_FILE_BYTES", "50")
    assert command_line.json("check", contacts, code=3)["error"]["reason"] == "file_too_large"


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("nowhere.csv",), 2, "file_missing"),
        (("{file}", "--template", "no_such_template"), 2, "template_unknown"),
        (("{file}", "--template", "missing.yaml"), 2, "template_unknown"),
        (("{file}", "--country", "Atlantis"), 2, "country_unknown"),
        (("{file}", "--feed-settings", "missing.yaml"), 2, "feed_settings_invalid"),
        (("{file}", "--feed-settings", "{bad}"), 5, "feed_settings_invalid"),
        (("{file}", "--known"), 2, "team_needed"),
        (("{file}", "--known", "--team", "acme"), 5, "database_not_configured"),
        (("{file}", "--out", "{file}"), 2, "folder_unusable"),
    ],
)
def test_mistakes_are_answered_with_what_to_do(
    command_line: CommandLine, contacts: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("no_such_setting: 1\n")
    given = [argument.format(file=contacts, bad=bad) for argument in arguments]
    error = command_line.json("check", *given, code=code)["error"]
    assert error["reason"] == reason
    assert error["remedy"]


@pytest.mark.parametrize("arguments", [("--bogus",), ("--country",), ("one.csv", "two.csv"), ()])
def test_a_program_gets_json_where_a_command_line_is_not_understood(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "commands", "check", "--json", *arguments],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["reason"] == "arguments_wrong"


def test_a_folder_is_no_contact_file_and_says_so(command_line: CommandLine, tmp_path: Path) -> None:
    assert "is a folder" in command_line.json("check", tmp_path, code=2)["error"]["message"]


@pytest.mark.parametrize("url", ["garbage", "postgresql://host:port/name"])
def test_an_address_of_a_database_that_is_none_is_a_setting_to_correct(
    command_line: CommandLine, contacts: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check without --known goes on without a database; whoever asks for it is told."""
    monkeypatch.setenv("NIGHTMAIL_DATABASE_URL", url)
    assert command_line.json("check", contacts, "--country", "GB")["ok"] is True
    error = command_line.json("check", contacts, "--known", "--team", "acme", code=5)["error"]
    assert error["reason"] == "settings_invalid"
    assert url not in error["message"]


def test_a_full_disk_is_said_and_leaves_no_tables(
    command_line: CommandLine, contacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was read already; what was written of it is taken away again."""
    import nightmail.preparation.stages

    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(nightmail.preparation.stages, "make_audience", fill)
    out = tmp_path / "out"
    assert command_line.json("check", contacts, "--out", out, code=1)["error"]["reason"] == "disk_full"
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_letter_comes_through_any_standard_output(tmp_path: Path, encoding: str) -> None:
    """As JSON escapes where they must be; a file's name may even be no text at all."""
    file = os.fsencode(tmp_path) + b"/\xff.csv"
    Path(os.fsdecode(file)).write_text("phone,name\nZoë \N{PARTY POPPER},x\n")
    environment = {"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT), "PYTHONIOENCODING": encoding}
    for arguments in ([], ["--json"]):
        command = [sys.executable, "-m", "commands", "check", file, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    answer = json.loads(done.stdout.decode())
    assert answer["rejects"]["samples"][0]["value"] == "Zoë \N{PARTY POPPER}"
    assert answer["file"] == os.fsdecode(file)


def test_even_a_defect_is_answered_with_json(
    contacts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads --json gets one document whatever happens; the traceback stays for those who mend."""
    import nightmail.preparation.stages
    from commands.main import app

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(nightmail.preparation.stages, "make_audience", fail)
    monkeypatch.setattr(sys, "argv", ["nightmail", "check", str(contacts), "--json"])
    with pytest.raises(ZeroDivisionError):
        app()
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "internal_error"


def test_standard_output_may_be_full(contacts: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "commands", "check", str(contacts), "--json"],
            cwd=tmp_path,
            env={"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_tables_lie_in_the_folder_whatever_it_is_called(
    command_line: CommandLine, contacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("memory:/x", "a::b"):
        answer = command_line.json("check", contacts, "--country", "GB", "--out", name)
        assert all(Path(table).is_file() for table in answer["tables"].values())


def test_a_mistake_is_one_sentence_and_never_a_traceback(command_line: CommandLine, contacts: Path) -> None:
    result = command_line.run("check", contacts, "--template", "no_such_template")
    assert result.exit_code == 2
    assert "template_unknown" in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout


def test_nothing_is_made_and_nothing_is_needed(contacts: Path, template: Path, tmp_path: Path) -> None:
    """As a program of its own, in an empty environment and a folder of its own: no data folder, no key, no database."""
    done = subprocess.run(
        [sys.executable, "-m", "commands", "check", str(contacts), "--template", str(template), "--json"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["rows"] == 7
    assert {path.name for path in tmp_path.iterdir()} == {contacts.name, template.name}


def test_known_preferences_are_used_when_asked_for(
    with_database: CommandLine, database: Engine, contacts: Path, template: Path
) -> None:
    from nightmail.privacy import address_hash
    from nightmail.settings import settings

    settings.cache_clear()
    with database.begin() as connection:
        connection.execute(text("insert into team (path, name) values ('acme', 'Acme')"))
        connection.execute(
            text(
                "insert into suppression (channel, address_hash, reason, source) values ('sms', :h, 'opted_out', 'x')"
            ),
            {"h": address_hash("+447912345678", settings().key())},
        )
    arguments = ("check", contacts, "--template", template, "--country", "GB")
    assert with_database.json(*arguments)["counts"]["held"] == 1
    assert with_database.json(*arguments, "--known", "--team", "acme")["counts"]["held"] == 2


def test_a_check_does_not_wait_for_pandas(contacts: Path, template: Path, tmp_path: Path) -> None:
    """Arrow would import it at its first list, for more than half of a small check's seconds; whoever asks still gets it."""
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from commands.main import app\n"
        f"done = CliRunner().invoke(app, ['check', {str(contacts)!r}, '--template', {str(template)!r}, '--json'])\n"
        "assert done.exit_code == 0, done.output\n"
        "assert 'pandas' not in sys.modules\n"
        "import pyarrow as pa\n"
        "frame = pa.table({'line': [2, None]}).to_pandas()\n"
        "assert pa.array(frame['line']).null_count == 1\n"
    )
    environment = {"PATH": os.defpath, "PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


def test_a_feed_judges_by_all_that_it_is_and_leaves_no_trace(
    with_database: CommandLine, write_csv: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.pipeline_rig import ORGANISATION
    from tests.support.pipeline_rig import TEMPLATE as DUE

    monkeypatch.setenv("RIG_TOKEN", "a-token")
    (with_database.folder / "due.yaml").write_text(DUE)
    (with_database.folder / "acme.yaml").write_text(ORGANISATION)
    with_database.json("provision", with_database.folder / "acme.yaml", "--no-checks")
    file = write_csv("external_id,phone,amount\n1,07400 100001,12.50\n2,nonsense,1\n3,x,1\n4,y,1\n")
    answer = with_database.json("check", file, "--feed", "acme.billing/invoices", code=4)
    assert (answer["feed"], answer["template"]["name"], answer["default_country"]) == (
        "acme.billing/invoices", "due", "GB",
    )  # fmt: skip
    assert [problem["reason"] for problem in answer["problems"]] == ["file_over_reject_limit"]
    assert with_database.json("campaigns")["campaigns"] == []
    for option in (("--template", "due"), ("--country", "DE"), ("--known", "--team", "acme.billing")):
        refused = with_database.json("check", file, "--feed", "acme.billing/invoices", *option, code=2)
        assert refused["error"]["reason"] == "options_contradict"
    unknown = with_database.json("check", file, "--feed", "acme.billing/other", code=2)
    assert unknown["error"]["reason"] == "feed_unknown"
    assert "invoices" in unknown["error"]["remedy"]
