"""``nightmail feed draft FILE`` prints a contract that ``nightmail check --feed-settings`` takes."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from commands.main import app
from tests.support.contact_data import write_contact_csv


def test_a_draft_can_be_checked_against(tmp_path: Path) -> None:
    sample, contract, body = tmp_path / "sample.csv", tmp_path / "contract.yaml", tmp_path / "body.txt"
    write_contact_csv(sample, 300)
    body.write_text("{{ invoice_no }} is due")
    runner = CliRunner()
    done = runner.invoke(app, ["feed", "draft", str(sample), "--out", str(contract), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["settings"]["volume"] == {"at_least": 30, "at_most": 3000}
    done = runner.invoke(
        app,
        [
            "check",
            str(sample),
            "--template",
            str(body),
            "--feed-settings",
            str(contract),
            "--out",
            str(tmp_path),
            "--json",
        ],
    )
    assert json.loads(done.stdout)["counts"]["rows"] == 300


def test_a_draft_for_a_template_asks_for_nothing_else(tmp_path: Path) -> None:
    sample, body = tmp_path / "sample.csv", tmp_path / "body.txt"
    write_contact_csv(sample, 100)
    body.write_text("{{ invoice_no }} is due")
    done = CliRunner().invoke(app, ["feed", "draft", str(sample), "--template", str(body), "--json"])
    assert done.exit_code == 0, done.output
    settings = json.loads(done.stdout)["settings"]
    assert set(settings["required_columns"]) <= {"external_id", "phone", "phone_2", "landline", "invoice_no"}
    assert set(settings["placeholders"]) <= {"invoice_no"}
