"""Keys that identify nobody: the address takes their place, and keys that stand with many addresses are named."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nightmail.organisation.feed_choices import ValueType
from nightmail.row_checks import PlaceholderRule
from nightmail.row_checks.key_trust import is_no_key
from tests.row_checks.conftest import Prepare

PHONES = [f"+44740012341{at}" for at in range(5)]


@pytest.mark.parametrize(
    "key",
    [
        # Rounded by a spreadsheet: https://github.com/jasp-stats/jasp-desktop/issues/927
        "8.94424E+18",
        "8,94424E+18",
        "-1.2E+05",
        # An integer of which fifteen digits are left: https://github.com/pulibrary/orangelight/issues/2695
        "8944240100000000000",
        "########",
        "#REF!",
        # Words and figures for nothing: https://github.com/DFE-Digital/register-trainee-teachers/pull/3229
        "N/A",
        "n.a.",
        "unknown",
        "Unbekannt",
        "inconnu",
        "desconocido",
        "不明",
        "לא ידוע",
        "None",
        "undefined",
        "[object Object]",
        "0",
        "000",
        "0.0",
        "-",
        "--",
        "?",
        "xxx",
        "-1",
        "00000000-0000-0000-0000-000000000000",  # RFC 9562, 5.9: the nil UUID
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",  # RFC 9562, 5.10: the max UUID
    ],
)
def test_five_people_stay_five(prepare: Prepare, key: str) -> None:
    """No id, no duplicates by it: each has an address of their own."""
    out = prepare({"external_id": [key] * 5, "phone": PHONES, "name": list("abcde")})
    assert out.lines() == [2, 3, 4, 5, 6]
    assert out.of("external_id") == [None] * 5
    assert out.warned() == {line: ["key_not_trusted"] for line in range(2, 7)}
    (decision,) = out.summary.decisions
    assert (decision.reason, decision.column, decision.count) == ("decided_key_by_address", "external_id", 5)
    assert key in decision.message
    assert out.summary.shared_keys == 0


@pytest.mark.parametrize(
    "key",
    [
        "C1",
        "10",
        "100",
        "0001",
        "12E5",
        "E10",
        "8944240100000000011",
        "A0",
        "anna",
        "a-b",
        "2026",
        "7a1b",
        "Z-000",
        "123456789012345000"[:15],
    ],
)
def test_other_keys_are_keys(key: str) -> None:
    """Short, odd or round ids are what a team gave."""
    assert not is_no_key(pa.array([key]))[0]


def test_keys_by_distinct_values() -> None:
    """Values that recur are looked at once."""
    column = pa.array(["N/A", "C1", None, "0", "C1"]).dictionary_encode()
    assert is_no_key(column).tolist() == [True, False, False, True, False]
    assert is_no_key(column.slice(2)).tolist() == [False, True, False]
    assert is_no_key(pa.array([], pa.string())).tolist() == []


def test_a_required_id_is_missing_then(prepare: Prepare) -> None:
    """A filler does not fill the column."""
    out = prepare({"external_id": ["a", "N/A"], "phone": PHONES[:2]}, require_external_id=True)
    assert out.reasons() == {3: ["external_id_missing", "key_not_trusted"]} or out.reasons() == {
        3: ["external_id_missing"]
    }


def test_the_address_takes_the_place_of_one_column_of_a_key(prepare: Prepare) -> None:
    """Two customers with an invoice that is not known are two; one of them with two such rows of one address is one."""
    out = prepare(
        {
            "external_id": ["1", "1", "1", "N/A", "N/A"],
            "invoice": ["unknown", "unknown", "A1", "A1", "A1"],
            "phone": [PHONES[0], PHONES[1], PHONES[0], PHONES[2], PHONES[3]],
            "amount": list("12345"),
        },
        unique_by=("external_id", "invoice"),
    )
    assert out.lines() == [2, 3, 4, 5, 6]
    assert out.of("invoice") == ["unknown", "unknown", "A1", "A1", "A1"]
    assert {decision.column: decision.count for decision in out.summary.decisions} == {"external_id": 2, "invoice": 2}
    same = prepare(
        {"external_id": ["1", "1"], "invoice": ["-", "-"], "phone": [PHONES[0]] * 2, "amount": ["1", "2"]},
        unique_by=("external_id", "invoice"),
    )
    assert same.reasons() == {3: ["duplicate_key"]}


def test_figures_of_a_key_are_figures(prepare: Prepare) -> None:
    """A number that is part of the key may be zero."""
    out = prepare(
        {"external_id": ["1", "1"], "item": ["0", "0"], "phone": PHONES[:2]},
        unique_by=("external_id", "item"),
        placeholders=(PlaceholderRule(name="item", type=ValueType.NUMBER),),
    )
    assert out.reasons() == {3: ["duplicate_key"]}


def test_a_key_with_many_addresses_is_named(prepare: Prepare) -> None:
    """Three addresses or more are not one person's; two may be."""
    out = prepare(
        {
            "external_id": ["1000", "1000", "1000", "1000", "2", "2", "3"],
            "phone": [*PHONES[:3], PHONES[1], PHONES[3], PHONES[4], PHONES[0]],
            "name": list("abcdefg"),
        }
    )
    assert out.warned() == {2: ["key_shared"]}
    message = out.warnings.column("message")[0].as_py()
    assert "1000 is the external_id of 4 rows with 3 different addresses" in message
    assert out.summary.shared_keys == 3
    assert out.summary.duplicates == 4
    assert out.summary.as_dict()["shared_keys"] == 3


def test_one_address_in_many_rows_is_no_shared_key(prepare: Prepare) -> None:
    """The same row again and again is a duplicate and nothing else."""
    out = prepare({"external_id": ["1"] * 6, "phone": [PHONES[0]] * 6, "name": list("abcdef")})
    assert out.warned() == {}
    assert out.summary.shared_keys == 0
