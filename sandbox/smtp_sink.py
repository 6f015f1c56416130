"""An SMTP submission server that takes everything and delivers nothing (RFC 5321, with AUTH, SIZE and 8BITMIME).

Mailboxes as in :mod:`sandbox.behaviour`: ``bounce@`` is answered ``550 5.1.1``, ``blocked@`` ``550 5.7.1``,
``defer@`` ``451 4.7.1``, ``refuse@`` ``552 5.3.4`` after the text.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
from dataclasses import dataclass, field

from sandbox.faults import TAKES, Faults
from sandbox.witness import Witness, message_id_in

_MAXIMUM = 25 * 1024 * 1024
_RCPT = {
    "bounce": b"550 5.1.1 no such mailbox",
    "blocked": b"550 5.7.1 not allowed",
    "defer": b"451 4.7.1 try again later",
}


@dataclass
class _Session:
    logged_in: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)


class SmtpSink:
    """Listens on loopback; user name and password are checked."""

    def __init__(self, *, user: str, password: str, witness: Witness, faults: Faults) -> None:
        self._user = user
        self._password = password
        self._witness = witness
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._counter = 0
        self._unique = os.urandom(6).hex()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_MAXIMUM + 1024)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and close connections."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        session = _Session()
        try:
            await _say(writer, b"220 sandbox.invalid ESMTP")
            while line := await reader.readline():
                if not await self._command(line.rstrip(b"\r\n"), session, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _command(  # noqa: PLR0912 - one case a verb of SMTP
        self, line: bytes, session: _Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        verb, _, rest = line.partition(b" ")
        verb = verb.upper()
        if verb == b"EHLO":
            await _say(
                writer,
                b"250-sandbox.invalid",
                b"250-8BITMIME",
                b"250-ENHANCEDSTATUSCODES",
                b"250-SIZE %d" % _MAXIMUM,
                b"250 AUTH PLAIN LOGIN",
            )
        elif verb == b"HELO":
            await _say(writer, b"250 sandbox.invalid")
        elif verb == b"AUTH":
            session.logged_in = await self._log_in(rest, reader, writer)
        elif verb == b"NOOP":
            await _say(writer, b"250 2.0.0 OK")
        elif verb == b"RSET":
            session.sender, session.recipients = None, []
            await _say(writer, b"250 2.0.0 OK")
        elif verb == b"QUIT":
            await _say(writer, b"221 2.0.0 bye")
            return False
        elif verb == b"MAIL":
            if not session.logged_in:
                await _say(writer, b"530 5.7.0 authentication required")
            else:
                session.sender, session.recipients = _address(rest), []
                await _say(writer, b"250 2.1.0 OK")
        elif verb == b"RCPT":
            await self._recipient(_address(rest), session, writer)
        elif verb == b"DATA":
            if not session.recipients:
                await _say(writer, b"503 5.5.1 no recipients")
                return True
            return await self._data(session, reader, writer)
        else:
            await _say(writer, b"502 5.5.1 no such command")
        return True

    async def _recipient(self, address: str, session: _Session, writer: asyncio.StreamWriter) -> None:
        if session.sender is None:
            await _say(writer, b"503 5.5.1 MAIL first")
            return
        for mailbox, answer in _RCPT.items():
            if address.lower().startswith(mailbox):
                await _say(writer, answer)
                return
        if "@" not in address:
            await _say(writer, b"501 5.1.3 not an address")
            return
        session.recipients.append(address)
        await _say(writer, b"250 2.1.5 OK")

    async def _log_in(self, rest: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        method, _, first = rest.partition(b" ")
        try:
            if method.upper() == b"PLAIN":
                if not first:
                    await _say(writer, b"334 ")
                    first = (await reader.readline()).strip()
                _, user, password = base64.b64decode(first).split(b"\0")
            elif method.upper() == b"LOGIN":
                if not first:
                    await _say(writer, b"334 VXNlcm5hbWU6")
                    first = (await reader.readline()).strip()
                user = base64.b64decode(first)
                await _say(writer, b"334 UGFzc3dvcmQ6")
                password = base64.b64decode((await reader.readline()).strip())
            else:
                await _say(writer, b"504 5.5.4 no such method")
                return False
        except (binascii.Error, ValueError):
            await _say(writer, b"501 5.5.2 cannot decode")
            return False
        right = hmac.compare_digest(user, self._user.encode()) and hmac.compare_digest(
            password, self._password.encode()
        )
        await _say(writer, b"235 2.7.0 welcome" if right else b"535 5.7.8 credentials refused")
        return right

    async def _data(self, session: _Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        fault = self._faults.draw("smtp", session.recipients[0])
        if fault is not None and fault.kind not in TAKES:
            if fault.kind == "429":
                await _say(writer, b"451 4.7.0 too fast")
                return True
            _abort(writer)
            return False
        await _say(writer, b"354 go ahead")
        text = await reader.readuntil(b"\r\n.\r\n")
        text = text.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        if any(address.lower().startswith("refuse") for address in session.recipients):
            await _say(writer, b"552 5.3.4 too large")
            return True
        if len(text) > _MAXIMUM:
            await _say(writer, b"552 5.3.4 too large")
            return True
        self._counter += 1
        carrier_id = f"{self._unique}{self._counter:08d}"
        content = text.decode("utf-8", "replace")
        head = content.split("\r\n\r\n", 1)[0]
        rows = [(message_id_in(head), carrier_id, address, content) for address in session.recipients]
        self._witness.accepted("smtp", "email", list(rows))
        session.sender, session.recipients = None, []
        if fault is not None and fault.kind in ("reset_after", "500_after", "html_after"):
            _abort(writer)
            return False
        if fault is not None and fault.kind == "hang_after":
            await asyncio.sleep(fault.seconds)
            _abort(writer)
            return False
        await _say(writer, b"250 2.0.0 OK " + carrier_id.encode())
        return True


async def _say(writer: asyncio.StreamWriter, *lines: bytes) -> None:
    writer.write(b"".join(line + b"\r\n" for line in lines))
    await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def _address(rest: bytes) -> str:
    text = rest.partition(b":")[2].strip()
    return text.partition(b">")[0].lstrip(b"<").decode("utf-8", "replace")
