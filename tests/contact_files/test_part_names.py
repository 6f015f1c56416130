"""What a file's name says about parts."""

from __future__ import annotations

import pytest

from nightmail.contact_files.part_names import PartName, part_name


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("due.1of3.csv", PartName("due.csv", 1, 3)),
        ("due_03OF12.csv.gz", PartName("due.csv.gz", 3, 12)),
        ("due-2of2", PartName("due", 2, 2)),
        ("due.csv", None),
        ("due.4of3.csv", None),
        ("due.0of3.csv", None),
        ("1of3.csv", None),
    ],
)
def test_names_of_parts(name: str, part: PartName | None) -> None:
    """Only a number within a total is a part."""
    assert part_name(name) == part
