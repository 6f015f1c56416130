"""A stand-in for a pooler before PostgreSQL, such as PgBouncer: on TCP, before the server's Unix socket.

With ``share`` it pools transactions: all clients have one session of the server in turns, each until its transaction ends.
Without it every client has a session of its own, as pooling by sessions gives it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from nightmail.store.local_server import LocalServer

_SSL_REQUEST, _GSS_REQUEST, _CANCEL = 80877103, 80877104, 80877102


class TransactionPooler:
    """Listens until it is closed."""

    def __init__(self, server: LocalServer, *, share: bool) -> None:
        folder = parse_qs(urlsplit(server.url()).query)["host"][0]
        self._target = str(next(Path(folder).glob(".s.PGSQL.*[0-9]")))
        self._share = share
        self._session: socket.socket | None = None
        self._greeting = b""
        self._turn = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database_url: str) -> str:
        """The URL of a database of the server, through the pooler."""
        split = urlsplit(database_url)
        return f"postgresql://{split.username}@127.0.0.1:{self._listener.getsockname()[1]}{split.path}"

    def close(self) -> None:
        """End, and all connections with it."""
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(self._target)
        self._open.append(made)
        return made

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            startup = self._startup(client)
            if not self._share:
                server = self._connect()
                server.sendall(startup)
                threading.Thread(target=_copy, args=(server, client), daemon=True).start()
                _copy(client, server)
                return
            with self._turn:
                if self._session is None:
                    self._session = self._connect()
                    self._session.sendall(startup)
                    self._greeting = _until_ready(self._session)[0]
            client.sendall(self._greeting)
            self._transactions(client)

    def _startup(self, client: socket.socket) -> bytes:
        while True:
            (length,) = struct.unpack("!i", _exactly(client, 4))
            rest = _exactly(client, length - 4)
            (code,) = struct.unpack("!i", rest[:4])
            if code == _CANCEL:
                raise EOFError
            if code not in (_SSL_REQUEST, _GSS_REQUEST):
                return struct.pack("!i", length) + rest
            client.sendall(b"N")

    def _transactions(self, client: socket.socket) -> None:
        assert self._session is not None
        while True:
            asked = client.recv(65536)
            if not asked or asked[:1] == b"X":
                return
            with self._turn:
                while True:
                    self._session.sendall(asked)
                    answer, state = _until_ready(self._session)
                    client.sendall(answer)
                    if state == b"I":
                        break
                    asked = client.recv(65536)
                    if not asked:
                        return


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _exactly(source: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        block = source.recv(count - len(found))
        if not block:
            raise EOFError
        found += block
    return found


def _until_ready(server: socket.socket) -> tuple[bytes, bytes]:
    """Everything that the server says until it waits for more, and the state of the transaction."""
    said = b""
    while True:
        head = _exactly(server, 5)
        body = _exactly(server, struct.unpack("!i", head[1:])[0] - 4)
        said += head + body
        if head[:1] == b"Z":
            return said, body
