"""Where uploads are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightmail.contact_files.kept_files import incoming_path


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/abs/due.csv", "a\\b\\due.csv", "due\x00.csv", "x" * 400])
def test_a_name_cannot_lead_out_of_the_incoming_folder(tmp_path: Path, name: str) -> None:
    """Uploaders name files as they like; we store them where we like."""
    destination = incoming_path(tmp_path, name, "marker")
    assert destination.parent == tmp_path / "marker"
    assert destination.resolve().is_relative_to(tmp_path.resolve())
    destination.write_bytes(b"x")
