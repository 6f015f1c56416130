"""What a provider says is believed only as far as its token is whole: every lie that a token can tell is told here."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import Engine, text

from nightmail.access.identity_providers import Provider, get_provider, link_person, person_at, save_provider
from nightmail.access.provider_documents import MOST_BYTES, ProviderDocuments, is_safe_address
from nightmail.access.single_sign_on import Claims, begin, finish
from nightmail.errors import NightmailError
from tests.support.people import NOW, make_person

REDIRECT = "https://portal.example/login/returned"


class Liar:
    """A provider that says whatever a test wants."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
        self.published = [self.key]
        self.signs_with: Any = self.key
        self.algorithm = "RS256"
        self.changes: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answer: tuple[int, bytes] | None = None
        self.posted: list[str] = []
        self.asked: list[str] = []
        self.nonce = ""
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                liar.asked.append(self.path)
                keys = {"keys": [key.as_dict(private=False) for key in liar.published]}
                self.say(liar.document() if "well-known" in self.path else keys)

            def do_POST(self) -> None:
                liar.posted.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.say({"access_token": "a", "token_type": "bearer", "id_token": liar.token()})

            def say(self, document: dict[str, Any]) -> None:
                status, body = liar.answer or (200, json.dumps(document).encode())
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def document(self) -> dict[str, Any]:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{name}" for name in names}, **self.metadata}

    def token(self) -> str:
        claims = {
            "iss": self.issuer,
            "sub": "ada-1",
            "aud": "nightmail",
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 300,
            "nonce": self.nonce,
            "email": "Ada@Acme.Example",
            "email_verified": True,
            "groups": ["senders", 7],
        }
        claims = {name: value for name, value in {**claims, **self.changes}.items() if value is not None}
        header = {"alg": self.algorithm, "kid": getattr(self.signs_with, "kid", "one") or "one"}
        if self.algorithm == "none":
            return f"{_segment(header)}.{_segment(claims)}."
        return str(jwt.encode(header, claims, self.signs_with, algorithms=[self.algorithm]))

    def provider(self, **changes: Any) -> Provider:
        values = {
            "client_secret": None,
            "group_claim": "groups",
            "scopes": ("email",),
            "link_by_email": False,
            **changes,
        }
        return Provider(id=1, name="okta", issuer=self.issuer, client_id="nightmail", **values)

    def logs_in(self, documents: ProviderDocuments | None = None, now: dt.datetime = NOW, **returned: str) -> Claims:
        documents = documents or ProviderDocuments()
        _, kept = begin(self.provider(), documents, redirect_uri=REDIRECT)
        self.nonce = kept["nonce"]
        return finish(self.provider(), documents, kept, {"code": "c", "state": kept["state"], **returned}, now=now)


def _segment(value: dict[str, Any]) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def liar() -> Iterator[Liar]:
    running = Liar()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_the_truth_is_believed(liar: Liar) -> None:
    assert liar.logs_in() == Claims("ada-1", "ada@acme.example", True, None, frozenset({"senders"}))
    assert "code_verifier=" in liar.posted[0]
    assert "client_id=nightmail" in liar.posted[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "somebody-else"},
        {"aud": ["nightmail", "somebody-else"], "azp": "somebody-else"},
        {"aud": ["somebody-else"], "azp": "nightmail"},
        {"nonce": "replayed"},
        {"nonce": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"exp": int(NOW.timestamp()) - 121},
        {"iat": int(NOW.timestamp()) + 121},
        {"nbf": int(NOW.timestamp()) + 121},
        {"exp": "tomorrow"},
        {"at_hash": "of-another-token"},
    ],
    ids=str,
)
def test_a_token_that_lies_is_refused(liar: Liar, changes: dict[str, Any]) -> None:
    liar.changes = changes
    with pytest.raises(NightmailError) as refused:
        liar.logs_in()
    assert refused.value.reason == "provider_refused"


@pytest.mark.parametrize("shift_s", [-115, 115])
def test_clocks_may_differ_a_little(liar: Liar, shift_s: int) -> None:
    liar.changes = {"iat": int(NOW.timestamp()) + shift_s, "exp": int(NOW.timestamp()) + max(shift_s, -60)}
    assert liar.logs_in().subject == "ada-1"


def test_a_clock_that_is_wrong_is_named(liar: Liar) -> None:
    for days in (-1, 1):
        with pytest.raises(NightmailError) as refused:
            liar.logs_in(now=NOW + dt.timedelta(days=days))
        assert "clock" in refused.value.message


def test_a_signature_of_another_key_none_or_a_shared_secret_is_refused(liar: Liar) -> None:
    for algorithm, key in (
        ("RS256", RSAKey.generate_key(2048, {"kid": "one"}, private=True)),
        ("none", liar.key),
        ("HS256", OctKey.import_key("a secret that the client knows as well", {"kid": "one"})),
    ):
        liar.algorithm, liar.signs_with = algorithm, key
        with pytest.raises(NightmailError) as refused:
            liar.logs_in()
        assert refused.value.reason == "provider_refused"


def test_a_new_key_is_fetched_once_it_is_used_and_not_at_every_lie(liar: Liar) -> None:
    documents = ProviderDocuments()
    liar.logs_in(documents)
    asked = len(liar.asked)
    liar.logs_in(documents)
    assert len(liar.asked) == asked
    liar.signs_with = RSAKey.generate_key(2048, {"kid": "unheard-of"}, private=True)
    for _ in range(5):
        with pytest.raises(NightmailError):
            liar.logs_in(documents)
    assert len(liar.asked) == asked


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ({"state": "another"}, "provider_refused"),
        ({"state": ""}, "provider_refused"),
        ({"code": ""}, "provider_refused"),
        ({"error": "access_denied"}, "provider_refused"),
        ({"iss": "https://other.example"}, "provider_refused"),
    ],
)
def test_what_the_browser_brings_back_is_checked_first(liar: Liar, returned: dict[str, str], reason: str) -> None:
    with pytest.raises(NightmailError) as refused:
        liar.logs_in(**returned)
    assert refused.value.reason == reason
    assert not liar.posted


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"token_endpoint": "http://other.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": None},
    ],
    ids=str,
)
def test_metadata_that_lead_astray_are_not_followed(liar: Liar, metadata: dict[str, Any]) -> None:
    liar.metadata = metadata
    with pytest.raises(NightmailError) as wrong:
        begin(liar.provider(), ProviderDocuments(), redirect_uri=REDIRECT)
    assert wrong.value.reason == "provider_wrong"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"x" * (MOST_BYTES + 1)), "provider_wrong"),
        ((200, b"<html>"), "provider_wrong"),
        ((200, b"[" * 100_000), "provider_wrong"),
        ((404, b"{}"), "provider_wrong"),
        ((302, b"https://other.example/"), "provider_wrong"),
        ((503, b"{}"), "provider_away"),
        ((429, b"{}"), "provider_away"),
    ],
    ids=["too large", "no JSON", "deep", "not there", "a redirect", "away", "busy"],
)
def test_an_answer_that_is_none_is_a_clear_error(liar: Liar, answer: tuple[int, bytes], reason: str) -> None:
    liar.answer = answer
    with pytest.raises(NightmailError) as error:
        begin(liar.provider(), ProviderDocuments(), redirect_uri=REDIRECT)
    assert error.value.reason == reason


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://id.example", True),
        ("http://127.0.0.1:8000/x", True),
        ("http://id.example", False),
        ("https://user:secret@id.example", False),
        ("https://", False),
        ("ftp://id.example", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_what_a_safe_address_is(address: str, safe: bool) -> None:
    assert is_safe_address(address) is safe


@pytest.mark.parametrize(
    ("said", "verified"), [(True, True), ("true", True), ("yes", False), (1, True), (None, False), ("True", False)]
)
def test_an_email_is_verified_when_that_is_plainly_said(liar: Liar, said: Any, verified: bool) -> None:
    liar.changes = {"email_verified": said}
    assert liar.logs_in().email_verified is verified


def test_links_end_when_the_issuer_changes(database: Engine) -> None:
    """A subject is known within its issuer alone: the same word of another issuer is another person."""
    with database.begin() as connection:
        values = {"name": "okta", "client_id": "nightmail", "actor": "test"}
        save_provider(connection, issuer="https://one.example", **values)
        provider = get_provider(connection, "okta")
        link_person(connection, provider, "ada-1", make_person(connection), actor="test")
        save_provider(connection, issuer="https://one.example", **{**values, "client_id": "another"})
        assert person_at(connection, provider, "ada-1") is not None
        save_provider(connection, issuer="https://two.example", **values)
        assert person_at(connection, provider, "ada-1") is None
        ended = connection.scalars(text("select detail ->> 'links_ended' from audit order by id desc")).first()
    assert ended == "1"


def test_one_subject_is_one_person(database: Engine) -> None:
    with database.begin() as connection:
        save_provider(connection, name="okta", issuer="https://one.example", client_id="x", actor="test")
        provider = get_provider(connection, "okta")
        ada, bob = make_person(connection), make_person(connection)
        link_person(connection, provider, "ada-1", ada, actor="test")
        link_person(connection, provider, "ada-1", ada, actor="test")
        with pytest.raises(NightmailError) as taken:
            link_person(connection, provider, "ada-1", bob, actor="test")
    assert taken.value.reason == "identity_taken"
