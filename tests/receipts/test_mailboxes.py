"""A mailbox on a real IMAP server: each message taken once, told apart, and tied to the message that it answers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nightmail.receipts import mailboxes
from tests.support.dovecot import PASSWORD, Dovecot
from tests.support.post_office import (
    KEY,
    MAILBOX,
    OTHER,
    PERSON,
    SECRET,
    PostOffice,
    bounce,
    letter,
    token,
)
from tests.support.sandbox_process import ROOT, eventually

pytestmark = pytest.mark.needs_program("dovecot")


@pytest.fixture(scope="module")
def running_dovecot() -> Iterator[Dovecot]:
    with tempfile.TemporaryDirectory(prefix="nightmail-imap-") as folder:
        Path(folder).chmod(0o755)
        server = Dovecot(Path(folder), tls=True)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def dovecot(running_dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dovecot]:
    """The server with an empty mailbox."""
    monkeypatch.setenv(SECRET, PASSWORD)
    monkeypatch.setenv("SSL_CERT_FILE", str(running_dovecot.folder / "cert.pem"))
    with running_dovecot.client() as imap:
        imap.select("INBOX")
        imap.store("1:*", "+FLAGS", "\\Deleted") if imap.search(None, "ALL")[1] != [b""] else None
        imap.expunge()
    yield running_dovecot


@pytest.fixture
def post(dovecot: Dovecot, database: Engine) -> PostOffice:
    # Without encryption only on this machine: here by STARTTLS, with the certificate checked.
    return PostOffice(database, dovecot.url.replace("127.0.0.1", "localhost"))


def test_a_reply_is_taken_once_without_what_it_quotes(post: PostOffice, dovecot: Dovecot) -> None:
    message_id = post.sent()
    said = "Thank you!\n\nOn Mon, Nov 30, 2026 at 9:00 AM Care <care@acme.example> wrote:\n> unsubscribe: STOP\n"
    dovecot.deliver(letter(said))
    assert post.read().replies == 1
    assert post.replies() == [
        {"kind": "text", "text": "Thank you!", "sent_to": MAILBOX, "message_id": message_id, "team": "acme.care"}
    ]
    assert post.read().replies == 0
    with dovecot.client() as imap:
        imap.select("INBOX", readonly=True)
        assert imap.fetch("1", "(FLAGS)")[1][0] is not None
        assert b"Seen" not in imap.fetch("1", "(FLAGS)")[1][0]  # type: ignore[operator]
    dovecot.deliver(letter("Stop.", name="<2@x>"))
    assert post.read().replies == 1
    assert [row["reason"] for row in post.rows("select reason from suppression")] == ["opted_out"]


def test_a_signed_address_binds_a_reply_to_its_message(post: PostOffice, dovecot: Dovecot) -> None:
    """Not to the last one; in any case, and in the references where the address was lost."""
    first, last = post.sent(), post.sent()
    dovecot.deliver(
        letter("to the first", to=f"care+{token(first)}@acme.example", name="<1@x>"),
        letter("in capitals", to=f"CARE+{token(first).upper()}@ACME.example", name="<2@x>"),
        letter("all names", to=f"care-{token(first)}@acme.example", name="<3@x>"),
        letter("threaded", In_Reply_To=f"<{first}.{token(first)}@acme.example>", name="<4@x>"),
        letter("far back", References=f"<{first}.{token(first)}@acme.example> <x@example.com>", name="<5@x>"),
        letter("no sign at all", name="<6@x>"),
    )
    post.read()
    assert [row["message_id"] for row in post.replies()] == [first] * 5 + [last]
    assert {row["sent_to"].lower() for row in post.replies()} == {MAILBOX}


@pytest.mark.parametrize("kind", ["of another person", "forged", "expired", "of another key", "in references"])
def test_what_proves_nothing_binds_nothing(post: PostOffice, dovecot: Dovecot, kind: str) -> None:
    """An unsolicited message to the team: not even to the last message of who wrote it, and STOP is the writer's own."""
    theirs, own = post.sent(OTHER), post.sent()
    mark = {
        "of another person": token(theirs),
        "forged": "a" * 40,
        "expired": token(own, days=-2),
        "of another key": token(own, key=b"other"),
        "in references": token(theirs),
    }[kind]
    if kind == "in references":
        dovecot.deliver(letter("STOP", In_Reply_To=f"<{theirs}.{mark}@acme.example>"))
    else:
        dovecot.deliver(letter("STOP", to=f"care+{mark}@acme.example"))
    post.read()
    (reply,) = post.replies()
    assert (reply["message_id"], reply["team"], reply["kind"]) == (None, "acme.care", "stop")
    (suppressed,) = post.rows("select address_hash = :own as own, team_id from suppression", own=_hash(PERSON))
    assert suppressed == {"own": True, "team_id": post.team}


def test_start_in_anothers_name_lifts_nothing(post: PostOffice, dovecot: Dovecot) -> None:
    """Anybody can write as anybody: only who has the message itself can lift an opt-out."""
    message_id = post.sent()
    dovecot.deliver(letter("STOP", name="<1@x>"), letter("START", name="<2@x>"))
    post.read()
    assert len(post.rows("select 1 from suppression where lifted_at is null")) == 1
    dovecot.deliver(letter("START", to=f"care+{token(message_id)}@acme.example", name="<3@x>"))
    post.read()
    assert post.rows("select 1 from suppression where lifted_at is null") == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (rejected)"},
        {"Return_Path": "<>"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
    ],
)
def test_what_a_machine_answers_is_no_reply(post: PostOffice, dovecot: Dovecot, headers: dict[str, str]) -> None:
    post.sent()
    dovecot.deliver(letter("I am away. STOP", **headers), letter("Thanks", name="<2@x>", Auto_Submitted="no"))
    read = post.read()
    assert (read.automatic, read.replies) == (1, 1)
    assert [row["text"] for row in post.replies()] == ["Thanks"]
    assert post.rows("select 1 from suppression") == []


@pytest.mark.parametrize("whole", [True, False])
def test_a_report_that_proves_its_message_is_a_receipt(post: PostOffice, dovecot: Dovecot, whole: bool) -> None:
    failed, late = post.sent(), post.sent(OTHER)
    dovecot.deliver(
        bounce(failed, whole=whole), bounce(late, action="delayed", status="4.4.1", recipient=OTHER, whole=whole)
    )
    assert post.read().bounces == 2
    found = {row["key"]: row["delivery"] for row in post.rows("select line, delivery, message_key as key from message")}
    assert sorted(map(str, found.values())) == ["bounced", "deferred"]
    assert [row["reason"] for row in post.rows("select reason from suppression")] == ["hard_bounce"]
    dovecot.deliver(bounce(failed, whole=whole))
    assert post.read().bounces == 0
    assert post.replies() == []


def test_a_report_that_proves_nothing_moves_nothing(post: PostOffice, dovecot: Dovecot) -> None:
    """Forged, about another recipient than the message's, or with nothing of ours in it: never a reply either."""
    message_id = post.sent()
    dovecot.deliver(
        bounce(message_id, signed="a" * 40),
        bounce(message_id, recipient="forwarded@elsewhere.example"),
        bounce(message_id, signed=""),
    )
    read = post.read()
    assert (read.bounces, read.replies, read.automatic) == (0, 0, 3)
    assert post.rows("select 1 from receipt") == [] and post.rows("select 1 from suppression") == []
    assert post.rows("select delivery from message") == [{"delivery": None}]


HOSTILE = {
    "no sender": b"To: care@acme.example\r\n\r\nSTOP\r\n",
    "nothing": b"\r\n",
    "no email": bytes(range(256)).replace(b"\x00", b"") * 40,
    "nested": b"From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    + b"--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" * 3_000,
}
STRANGE = {
    "no recipient": b"From: ann@example.com\r\n\r\nHi\r\n",
    "unknown encoding": letter("Hi").replace(b'charset="utf-8"', b'charset="x-none"'),
    "bad base64": letter("Hi").replace(b"7bit", b"base64"),
    "header bomb": letter("Hi", X_Long="x " * 50_000),
    "encoded words": letter("Hi").replace(
        b"Re: your visit", b"=?utf-16?b?2AA=?= =?x-none?q?=FF?= =?utf-8?q?=ED=A0=80?="
    ),
    "raw bytes": letter("Hi").replace(b"Re: your visit", b"\xff\xfe\xed\xa0\x80"),
    "many parts": b"From: ann@example.com\r\nTo: care@acme.example\r\nMessage-ID: <p@x>\r\n"
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n\r\nHi\r\n" * 20_000 + b"--a--\r\n",
    "large": letter("Hi") + b"x" * 3_000_000,
    "html only": b"From: ann@example.com\r\nTo: care@acme.example\r\nContent-Type: text/html\r\n\r\n<p>Hi<p>"
    + b"<div><blockquote>" * 3_000,
}


def test_one_message_that_cannot_be_read_harms_no_other(post: PostOffice, dovecot: Dovecot) -> None:
    """It is put aside, with one alert; what is only strange is read."""
    post.sent()
    for number, raw in enumerate((*HOSTILE.values(), *STRANGE.values())):
        dovecot.deliver(
            raw.replace(b"<1@example.com>", b"<%d@strange>" % number),
            letter(f"between {number}", name=f"<{number}@between>"),
        )
    dovecot.deliver(letter("STOP", name="<last@x>"))
    read = post.read(seconds=60)
    assert read.aside + read.replies + read.automatic == 2 * (len(HOSTILE) + len(STRANGE)) + 1
    assert [row["text"] for row in post.replies() if row["text"].startswith("between")] == [
        f"between {number}" for number in range(len(HOSTILE) + len(STRANGE))
    ]
    assert len([row for row in post.replies() if row["text"].startswith("Hi")]) >= len(STRANGE) - 1
    assert len(post.rows("select 1 from mail_aside")) == read.aside > 0
    assert "mail_put_aside" in post.open_alerts()
    assert len(post.rows("select 1 from suppression where reason = 'opted_out'")) == 1
    assert post.read().aside == 0


def test_a_server_that_numbers_anew_has_nothing_taken_twice(post: PostOffice, dovecot: Dovecot) -> None:
    post.sent()
    dovecot.deliver(letter("one", name="<1@x>"), letter("two", name="<2@x>"))
    post.read()
    post.execute("update mailbox set uid_validity = uid_validity - 1, last_uid = 1000000")
    dovecot.deliver(letter("three", name="<3@x>"))
    assert post.read().replies == 1
    assert [row["text"] for row in post.replies()] == ["one", "two", "three"]


def test_looks_are_bounded_and_go_on(post: PostOffice, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailboxes, "MOST_MESSAGES", 3)
    monkeypatch.setattr(mailboxes, "WINDOW", 2)
    post.sent()
    dovecot.deliver(*(letter(f"text {number}", name=f"<{number}@x>") for number in range(7)))
    assert [post.read().replies for _ in range(4)] == [3, 3, 1, 0]
    assert [row["text"] for row in post.replies()] == [f"text {number}" for number in range(7)]


def test_two_processes_one_of_them_killed_take_each_message_once(
    post: PostOffice, dovecot: Dovecot, database_url: str
) -> None:
    post.sent()
    dovecot.deliver(*(letter(f"text {number}", name=f"<{number}@x>") for number in range(60)))
    program = (
        "import sys\nfrom sqlalchemy import create_engine\nfrom nightmail.receipts.mailboxes import read_mailboxes\n"
        "from nightmail.store.engine import normalised_url\nfrom resources.carrier_accounts import mailbox_of\n"
        "engine = create_engine(normalised_url(sys.argv[1]))\n"
        f"read_mailboxes(engine, mailbox_of, hash_key={KEY!r})\n"
    )
    command = [sys.executable, "-c", program, database_url]
    first, second = (subprocess.Popen(command, cwd=ROOT) for _ in range(2))
    eventually(lambda: len(post.replies()) > 5, 60)
    for process in (first, second):
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    # The lease of the one that died ends by itself.
    post.execute("update mailbox set leased_until = now() - interval '1 second'")
    post.read()
    assert sorted(row["text"] for row in post.replies()) == sorted(f"text {number}" for number in range(60))


def test_a_connection_that_breaks_over_a_message_does_not_end_there(post: PostOffice, dovecot: Dovecot) -> None:
    """The message is tried again, put aside in the end, and those behind it are taken."""
    post.sent()
    dovecot.deliver(letter("one", name="<1@x>"), letter("POISON", name="<2@x>"), letter("three", name="<3@x>"))
    with _Cutting(dovecot.port) as port:
        post.execute(
            "update carrier_account set settings = jsonb_set(settings, '{mailbox,url}', to_jsonb(cast(:url as text)))",
            url=f"imap://localhost:{port}",
        )
        reads = [post.read() for _ in range(mailboxes.TRIES + 1)]
    assert [read.unreachable for read in reads] == [1, 1, 1, 0]
    assert [row["text"] for row in post.replies()] == ["one", "three"]
    assert reads[-1].aside == 1
    # The mailbox can be read again; the message that was put aside is left to a person.
    assert post.open_alerts() == ["mail_put_aside"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"secret": "env:NOT_THERE"}, "NOT_THERE"),
        ({"user": "somebody"}, "refuses user or password"),
        ({"folder": "Nowhere"}, "folder cannot be opened"),
        ({"url": "imap://localhost:1"}, "cannot be used"),
        ({"url": "imaps://127.0.0.1:{tls_port}"}, "cannot be used"),
    ],
)
def test_a_mailbox_that_cannot_be_read_is_told_and_tried_again(
    database: Engine, dovecot: Dovecot, settings: dict[str, str], problem: str
) -> None:
    """A wrong certificate counts as well: this one is for localhost."""
    url = settings.get("url", dovecot.url.replace("127.0.0.1", "localhost")).format(tls_port=dovecot.tls_port)
    post = PostOffice(database, url, **{name: value for name, value in settings.items() if name != "url"})
    assert post.read().unreachable == 1
    (alert,) = post.rows("select reason, message from alert")
    assert alert["reason"] == "mailbox_unusable" and problem in alert["message"]
    mended = {
        "url": f"imaps://localhost:{dovecot.tls_port}",
        "user": "replies",
        "secret": f"env:{SECRET}",
        "folder": "INBOX",
    }
    for name, value in mended.items():
        post.execute(
            "update carrier_account set settings = jsonb_set(settings, array['mailbox', :name], to_jsonb(cast(:v as text)))",
            name=name,
            v=value,
        )
    post.sent()
    dovecot.deliver(letter("Hi"))
    assert post.read().replies == 1
    assert post.open_alerts() == []


class _Cutting:
    """A way to the server that is cut while the message ``POISON`` passes; it knows no encryption."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if b"POISON" in data:
                    break
                other.sendall(data.replace(b" STARTTLS", b""))
        except OSError:
            pass
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _hash(address: str) -> bytes:
    from nightmail.privacy import address_hash

    return address_hash(address, KEY)
