"""The message that every peer sends: the same size, another recipient each."""

from __future__ import annotations

import smtplib

SENDER = "billing@acme.example"
SUBJECT = "Your invoice"
_FILLER = "All that is owed is listed here, with dates. "


def body_of(number: int, size: int) -> str:
    """The text of one message, of ``size`` bytes."""
    begun = f"Dear customer {number}: "
    return (begun + _FILLER * (size // len(_FILLER) + 1))[:size]


def recipient_of(number: int) -> str:
    """Who gets it."""
    return f"person{number}@mail.example"


class Connection:
    """A connection that is kept for many messages: kinder to a peer than one each, which is what its manual shows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._smtp: smtplib.SMTP | None = None

    def send(self, number: int, size: int) -> None:
        """Send one message."""
        from email.message import EmailMessage

        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = SENDER, recipient_of(number), SUBJECT
        mail.set_content(body_of(number, size))
        if self._smtp is None:
            self._smtp = smtplib.SMTP("127.0.0.1", self._port, timeout=30)
        self._smtp.send_message(mail)
