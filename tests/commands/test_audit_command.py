"""``nightmail audit``: lists, hands out, and says what is not as it was sealed."""

from __future__ import annotations

import json

from sqlalchemy import Engine, text

from nightmail.audit import write_entry
from tests.commands.conftest import CommandLine


def test_the_log_is_listed_and_verified(with_database: CommandLine, database: Engine, superuser: Engine) -> None:
    with database.begin() as connection:
        for number in range(3):
            write_entry(
                connection, actor="person:1", action="role.given", subject=f"person:{number}", after={"n": number}
            )
    listed = with_database.json("audit", "list", "--action", "role.", "--limit", "2")["entries"]
    assert [entry["subject"] for entry in listed] == ["person:2", "person:1"]
    assert "person:2" in with_database.run("audit", "list").output
    whole = with_database.json("audit", "verify")
    assert (whole["ok"], whole["entries"], whole["seals"], whole["unsealed"]) == (True, 3, 1, 0)
    assert "none is missing" in with_database.run("audit", "verify").output
    with superuser.begin() as connection:
        connection.execute(text("delete from audit"))
        connection.execute(text("delete from audit_seal"))
    cut = with_database.json("audit", "verify", code=1)
    assert [finding["reason"] for finding in cut["findings"]] == ["audit_end_missing"]
    assert with_database.json("audit", "verify", code=1)["findings"], "what was found once is not forgotten"


def test_an_export_prints_lines_and_leaves_an_entry(with_database: CommandLine, database: Engine) -> None:
    with database.begin() as connection:
        write_entry(connection, actor="person:1", action="role.given", subject="person:2")
    printed = with_database.run("audit", "export", "--since", "2026-01-01", "--actor", "person:1").stdout
    assert [json.loads(line)["subject"] for line in printed.splitlines()] == ["person:2"]
    (entry,) = with_database.json("audit", "list", "--action", "audit.exported")["entries"]
    assert entry["detail"]["actor"] == "person:1" and entry["origin"]
    assert with_database.json("audit", "list", "--since", "yesterday", code=2)["error"]["reason"] == "moment_unreadable"
