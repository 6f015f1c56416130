"""An SMTP server that takes every message and keeps none, with PIPELINING: the other end of every peer alike.

It checks nothing, so that what is measured is who sends. ``XCOUNT`` is answered with how many messages came, and when the first
and the last of them did, in seconds of the system's monotonic clock.
"""

from __future__ import annotations

import asyncio
import sys
import time

_ANSWERS = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 30000000\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
_OK = b"250 ok\r\n"
_END = b"\r\n.\r\n"


class Counted:
    """How many messages came, and when."""

    def __init__(self) -> None:
        self.messages, self.first, self.last = 0, 0.0, 0.0

    def one_more(self) -> None:
        """Note that a message came now."""
        self.last = time.monotonic()
        if not self.messages:
            self.first = self.last
        self.messages += 1


class _Session(asyncio.Protocol):
    """One connection; commands may come many at a time."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._came = b""
        self._in_text = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._came += data
        answers: list[bytes] = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        if answers and self._transport is not None:
            self._transport.write(b"".join(answers))
            if answers[-1] == _ANSWERS[b"QUIT"]:
                self._transport.close()

    def _next(self) -> bytes | None:
        """The answer to what came next, or ``None`` while it is not whole."""
        end = _END if self._in_text else b"\r\n"
        # An empty text is its last line alone.
        if self._in_text and self._came.startswith(_END[2:]):
            place, length = 0, len(_END) - 2
        else:
            place, length = self._came.find(end), len(end)
        if place < 0:
            return None
        command, self._came = self._came[:place], self._came[place + length :]
        if self._in_text:
            self._in_text = False
            self._counted.one_more()
            return _OK
        verb = command[:4].upper()
        if command.upper() == b"XCOUNT":
            found = self._counted
            return f"250 {found.messages} {found.first} {found.last}\r\n".encode()
        self._in_text = verb == b"DATA"
        return _ANSWERS.get(verb, _OK)


async def _serve() -> None:
    counted = Counted()
    server = await asyncio.get_running_loop().create_server(lambda: _Session(counted), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # The sink ends with the process that started it.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
