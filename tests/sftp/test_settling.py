"""When a file counts as whole: times grow with size, growth and doubtful ends; a rename says it at once."""

from __future__ import annotations

import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.sftp.folder import UNKNOWN_TIME, RemoteFile
from resources.sftp.settling import Settling, ends_cut_off, settle_time

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def remote(size: int, seconds: float = 0, name: str = "/in/due.csv") -> RemoteFile:
    return RemoteFile(name, size, NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("size", "grew", "unsure", "expected"),
    [
        (1_000, 0, False, 2),
        (1_000_000, 0, False, 2),
        (4_000_000, 0, False, 4),
        (100_000_000, 0, False, 20),
        (1_000, 1, False, 30),
        (1_000, 0, True, 30),
        (5_800_000, 200, False, 100),
        (5_800_000, 5_000, False, 600),
    ],
)
def test_the_wait_for_a_stated_two_seconds(size: int, grew: float, unsure: bool, expected: float) -> None:
    assert settle_time(2.0, size, grew_for_s=grew, unsure=unsure) == pytest.approx(expected)


@given(
    st.floats(0.01, 60),
    st.integers(0, 10**10),
    st.integers(0, 10**10),
    st.floats(0, 10**5),
    st.floats(0, 10**5),
    st.booleans(),
)
def test_more_bytes_more_growth_or_more_doubt_never_shorten_the_wait(
    stated: float, size: int, more: int, grew: float, longer: float, unsure: bool
) -> None:
    wait = settle_time(stated, size, grew_for_s=grew, unsure=unsure)
    assert stated <= wait <= 600
    assert settle_time(stated, size + more, grew_for_s=grew + longer, unsure=True) >= wait
    assert settle_time(0, size, grew_for_s=grew, unsure=unsure) == 0


def test_a_pause_in_an_upload_is_outlasted() -> None:
    """The client writes 1.3 MB, pauses for 20 s, and goes on: the file is whole 30 s after its last change."""
    seen = Settling()
    for second in range(3):
        seen.look([remote(400_000 * (second + 1), second)], second)
    for second in range(3, 23):
        seen.look([remote(1_200_000, 2)], second)
        assert not seen.whole(remote(1_200_000, 2), 2.0, second)
    seen.look([remote(5_800_000, 23)], 23)
    for second in range(24, 53):
        seen.look([remote(5_800_000, 23)], second)
        assert not seen.whole(remote(5_800_000, 23), 2.0, second)
    assert seen.whole(remote(5_800_000, 23), 2.0, 53)


def test_a_rename_at_the_end_says_that_a_file_is_whole() -> None:
    """From any name, as long as size and time of change stay; a new file under the name says nothing."""
    seen = Settling()
    seen.look([remote(5_000_000, 3, "/in/due.csv.filepart"), remote(10, 1, "/in/other.csv")], 10)
    seen.look([remote(5_000_000, 3), remote(10, 1, "/in/other.csv"), remote(7, 9, "/in/new.csv")], 11)
    assert seen.whole(remote(5_000_000, 3), 2.0, 11)
    assert not seen.whole(remote(7, 9, "/in/new.csv"), 2.0, 11)
    seen.look([remote(5_000_001, 12)], 12)
    assert not seen.whole(remote(5_000_001, 12), 2.0, 12)


def test_a_copy_is_no_rename() -> None:
    seen = Settling()
    seen.look([remote(100, 3, "/in/a.csv")], 1)
    seen.look([remote(100, 3, "/in/a.csv"), remote(100, 3, "/in/b.csv")], 2)
    assert not seen.whole(remote(100, 3, "/in/b.csv"), 2.0, 2)


def test_an_end_that_looks_cut_off_waits_longer_but_not_for_ever() -> None:
    seen = Settling()
    seen.look([remote(100)], 0)
    assert seen.whole(remote(100), 2.0, 2)
    seen.doubt(remote(100))
    assert not seen.whole(remote(100), 2.0, 29)
    assert not seen.surely_whole(remote(100), 2.0, 29)
    assert seen.whole(remote(100), 2.0, 30)
    assert seen.surely_whole(remote(100), 2.0, 30)


def test_a_file_without_a_time_of_change_waits_longer() -> None:
    """Its size alone cannot tell that it was rewritten."""
    seen = Settling()
    file = RemoteFile("/in/a.csv", 100, UNKNOWN_TIME)
    seen.look([file], 0)
    assert not seen.whole(file, 2.0, 29)
    assert seen.whole(file, 2.0, 30)


def _workbook() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>" * 1000)
    return held.getvalue()


def _parquet() -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table({"phone": ["1"]}), held)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "cut_off"),
    [
        (b"", True),
        (b"phone\n1\n", False),
        (b"phone\r\n1\r\n", False),
        (b"phone\r1\r", False),
        (b"phone\n1", True),
        (b'phone,note\n1,"open\n', True),
        (b'phone,note\n1,"a\nb"\n', False),
        ("phone\n1\n".encode("utf-16-le"), False),
        ("phone\n1\n".encode("utf-16-be"), False),
        ("phone\n1".encode("utf-16-le"), True),
        (b"phone\n1\n\x1a", False),
        (_workbook(), False),
        (_workbook()[:-30], True),
        (_parquet(), False),
        (_parquet()[:-1], True),
        (gzip.compress(b"phone\n1"), False),
    ],
    ids=map(str, range(16)),
)
def test_what_looks_cut_off(content: bytes, cut_off: bool, tmp_path: Path) -> None:
    """Line ends of RFC 4180, old Mac and DOS; the end-of-central-directory of ZIP (APPNOTE 4.3.16); Parquet's footer."""
    file = tmp_path / "file"
    file.write_bytes(content)
    assert ends_cut_off(file) is cut_off
