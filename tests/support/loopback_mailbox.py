"""A mailbox on loopback that a portal's emails arrive in."""

from __future__ import annotations

import queue
import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage


class Mailbox:
    """An SMTP server on loopback that keeps what it is given (RFC 5321, without extensions)."""

    def __init__(self) -> None:
        received: queue.Queue[EmailMessage] = queue.Queue()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                while line := self.rfile.readline():
                    if line.upper().startswith(b"DATA"):
                        self.wfile.write(b"354 go on\r\n")
                        lines = []
                        while (part := self.rfile.readline()) != b".\r\n":
                            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
                        received.put(message_from_bytes(b"".join(lines), policy=policy.default))  # type: ignore[arg-type]
                    self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")

        self.received = received
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server.server_address[1]}"

    def next(self) -> tuple[str, str, str]:
        """To whom, subject and text of the next email."""
        message = self.received.get(timeout=60)
        return str(message["To"]), str(message["Subject"]), message.get_content()
