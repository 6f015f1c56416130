"""The connection over TLS: kept open though tickets arrive, and refused where the certificate does not fit."""

from __future__ import annotations

import base64
import datetime as dt
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nightmail.errors import ConfigurationError
from resources.carriers import keep_alive
from resources.carriers.keep_alive import KeepAlive, NotWrittenError

pytestmark = pytest.mark.real_parts


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    certificate_file, key_file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate_file, key_file)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    keep_alive._tls.cache_clear()
    yield f"https://127.0.0.1:{server.server_address[1]}", certificate_file
    keep_alive._tls.cache_clear()
    server.shutdown()
    server.server_close()


def test_one_tls_connection_carries_many_requests(secure, monkeypatch):
    """TLS 1.3 servers send tickets after the handshake: they make the socket readable without meaning its end."""
    base, certificate_file = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file))
    connection = KeepAlive(base, 2.0, 2.0)
    for _ in range(10):
        assert connection.request("POST", "/", {}, b"x").body == b"ok"
    assert connection.connections == 1
    connection.close()


def test_a_certificate_that_nobody_vouches_for_gets_no_request(secure, monkeypatch):
    base, _ = secure
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(NotWrittenError):
        KeepAlive(base, 2.0, 2.0).request("POST", "/", {}, b"secret")


class Proxy(BaseHTTPRequestHandler):
    """Tunnels for whoever knows the password."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_CONNECT(self) -> None:
        self.asked.append((self.path, self.headers.get("Proxy-Authorization")))
        if self.headers.get("Proxy-Authorization") != "Basic " + base64.b64encode(b"user:p@ss").decode():
            self.send_error(407)
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.send_response(200)
            self.end_headers()
            ends = [self.connection, upstream]
            while True:
                for ready in select.select(ends, [], [], 5)[0]:
                    data = ready.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    ends[ready is self.connection].sendall(data)

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxy_is_a_tunnel_that_sees_no_secret(secure, monkeypatch):
    base, certificate_file = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate_file))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    connection = KeepAlive(base, 2.0, 2.0, proxy=f"http://user:p%40ss@{address}")
    for _ in range(3):
        assert connection.request("POST", "/", {"Authorization": "secret"}, b"x").body == b"ok"
    assert connection.connections == 1
    assert [where for where, _ in Proxy.asked] == [base.removeprefix("https://")]
    connection.close()
    with pytest.raises(NotWrittenError):
        KeepAlive(base, 2.0, 2.0, proxy=f"http://user:wrong@{address}").request("POST", "/", {}, b"x")
    with pytest.raises(ConfigurationError):
        KeepAlive(base, 2.0, 2.0, proxy="socks://somewhere")
    server.shutdown()
    server.server_close()
