"""The sink that peers send to counts each message once, however its bytes come."""

from __future__ import annotations

import pytest

from benchmarks.peer_sink import Counted, _Session

pytestmark = pytest.mark.unit
LETTER = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\nMAIL\r\n..\r\nend\r\n.\r\n"
EMPTY = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\n"


class _Written:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.lines += data.splitlines()


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_messages_are_counted_however_they_are_cut(size: int) -> None:
    counted = Counted()
    session = _Session(counted)
    written = session._transport = _Written()  # type: ignore[assignment]
    came = b"EHLO peer\r\n" + LETTER + EMPTY + LETTER + b"XCOUNT\r\n"
    for at in range(0, len(came), size):
        session.data_received(came[at : at + size])
    assert counted.messages == 3
    codes = [line[:3] for line in written.lines]
    assert codes == [b"250"] * 4 + [b"250", b"250", b"354", b"250"] * 3 + [b"250"]
    assert written.lines[-1].split()[1] == b"3"
