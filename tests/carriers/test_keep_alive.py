"""The connection under both SDKs: what a failure says about whether the request was taken."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from nightmail.errors import ConfigurationError
from resources.carriers.keep_alive import (
    AnswerLostError,
    KeepAlive,
    NotWrittenError,
    UnwritableError,
    _was_closed,
    retry_after_s,
)
from tests.support.sandbox_process import eventually

pytestmark = pytest.mark.real_parts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(*answers):
    """A server that answers each connection's requests with the bytes given; ``None`` closes without an answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken = []

    def serve():
        for connection_answers in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                for answer in connection_answers:
                    data = b""
                    while b"\r\n\r\n" not in data:
                        part = connection.recv(65536)
                        if not part:
                            break
                        data += part
                    taken.append(data)
                    if answer is None:
                        break
                    connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def connected(base_url, **changes):
    return KeepAlive(base_url, **{"connect_timeout_s": 1.0, "timeout_s": 0.5, **changes})


def test_one_connection_carries_many_requests():
    with serving([OK] * 5) as (base, taken):
        connection = connected(base)
        for number in range(5):
            answer = connection.request("POST", f"/x?{number}", {"A": "b"}, b"body")
            assert (answer.status, answer.body) == (200, b"ok")
        assert connection.connections == 1 and len(taken) == 5
        connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 2",
    ],
    ids=["closed", "empty", "short", "short chunks", "nonsense", "half a status"],
)
def test_an_answer_that_is_not_whole_leaves_the_request_in_doubt(answer):
    with serving([answer], [OK]) as (base, _):
        connection = connected(base)
        with pytest.raises(AnswerLostError):
            connection.request("POST", "/x", {}, b"body")
        assert connection.request("POST", "/x", {}, b"body").status == 200
        connection.close()


def test_an_answer_in_chunks_and_one_that_ends_with_the_connection_are_whole():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"
    with serving([chunked, closing], [OK]) as (base, _):
        connection = connected(base)
        assert [connection.request("GET", "/", {}).body for _ in range(3)] == [b"ok"] * 3
        assert connection.connections == 2
        connection.close()


def test_a_refused_connection_was_certainly_not_written_to():
    with pytest.raises(NotWrittenError):
        connected("http://127.0.0.1:1").request("POST", "/", {}, b"x")


def test_a_request_that_cannot_be_written_is_not_and_the_next_one_is():
    with serving([None], [None], [OK]) as (base, taken):
        connection = connected(base)
        for headers in ({"A": "b\r\nC: d"}, {"A\n": "b"}):
            with pytest.raises(UnwritableError):
                connection.request("POST", "/", headers, b"x")
        assert b"".join(taken) == b""
        assert connection.request("POST", "/", {}, b"x").status == 200
        connection.close()


def test_nothing_is_followed_and_nothing_repeated():
    moved = b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    with serving([moved]) as (base, taken):
        connection = connected(base)
        assert connection.request("POST", "/", {}, b"x").status == 307
        assert len(taken) == 1
        connection.close()


def test_a_connection_idle_for_too_long_is_replaced():
    with serving([OK], [OK]) as (base, _):
        connection = connected(base, idle_s=0.0)
        connection.request("GET", "/", {})
        connection.request("GET", "/", {})
        assert connection.connections == 2
        connection.close()


def test_bytes_that_nobody_asked_for_end_the_connection():
    """An answer that comes after its time-out must not be taken for the answer to the next request."""
    with serving([OK + OK], [b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"]) as (base, _):
        connection = connected(base)
        assert connection.request("GET", "/", {}).status == 200
        assert connection._connection is not None
        sock = connection._connection.sock
        eventually(lambda: _was_closed(sock))
        second = connection.request("GET", "/", {})
        assert second.status == 201 and connection.connections == 2
        connection.close()


@pytest.mark.parametrize("address", ["", "api.twilio.com", "ftp://x", "http://api.twilio.com", "http://10.0.0.1:80"])
def test_an_address_that_is_none_or_not_encrypted_is_refused(address):
    with pytest.raises(ConfigurationError):
        connected(address)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("", None), (None, None), ("soon", None),
     ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0), ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
     ("86400", 86_400.0), ("1700000000000", 86_400.0), ("99999999999999999999", 86_400.0),
     ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0), ("inf", None), ("-inf", None), ("nan", None), ("1e400", None),
     ("Mon, 99999999999999999999 Jan 2026 00:00:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_read_in_every_form(value, seconds):
    assert retry_after_s(value, datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) == seconds
