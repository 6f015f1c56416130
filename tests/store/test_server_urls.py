"""The spellings of a server's URL, and what each connection is opened with."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine, text

from nightmail.errors import ConfigurationError
from nightmail.store.engine import engine, libpq_url, normalised_url
from nightmail.store.local_server import LocalServer
from nightmail.store.server_urls import server_url
from nightmail.store.sessions import connection_arguments, session_facts
from tests.store.transaction_pooler import TransactionPooler

HOSTS = "h1,h2"


@pytest.mark.parametrize(
    ("given", "hosts", "ports"),
    [
        ("postgresql://u:p%40@h1:5433,h2:5434/d", HOSTS, "5433,5434"),
        ("postgres://u:p%40@h1,h2/d?target_session_attrs=read-write", HOSTS, None),
        ("postgresql+psycopg://u:p%40@/d?host=h1:5433&host=h2:5434", HOSTS, "5433,5434"),
        ("postgresql+psycopg://u:p%40@/d?host=h1&host=h2", HOSTS, None),
        ("postgresql://u:p%40@/d?host=h1,h2&port=5433,5434", HOSTS, "5433,5434"),
        ("postgresql://u:p%40@/d?host=h1%2Ch2&port=5433", HOSTS, "5433,5433"),
        ("host=h1,h2 port=5433,5434 user=u password=p@ dbname=d target_session_attrs=read-write", HOSTS, "5433,5434"),
        ("postgresql://u:p%40@[::1]:5433,10.0.0.2:5434/d", "::1,10.0.0.2", "5433,5434"),
    ],
)
def test_several_hosts_in_every_spelling(given: str, hosts: str, ports: str | None) -> None:
    """The driver, libpq's programs and Dagster's own driver get the same hosts, and the one that can be written to."""
    made = server_url(given)
    assert (made.username, made.password, made.database) == ("u", "p@", "d")
    assert made.query["host"] == hosts
    assert made.query.get("port") == ports
    assert made.query["target_session_attrs"] == "read-write"
    for driver in ("psycopg", "psycopg2"):
        made_engine = create_engine(server_url(given, driver))
        (_, arguments) = made_engine.dialect.create_connect_args(made_engine.url)
        assert (arguments["host"], arguments["target_session_attrs"]) == (hosts, "read-write")
        assert str(arguments.get("port", "") or "").strip(",") == (ports or "")
    as_libpq = psycopg.conninfo.conninfo_to_dict(libpq_url(create_engine(normalised_url(given))))
    assert (as_libpq["host"], as_libpq["password"]) == (hosts, "p@")


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://u:p@h:5433/d",
        "postgresql+psycopg2://u:p@h:5433/d",
        "host=h port=5433 user=u password=p dbname=d",
        "postgresql://u:p@/d?host=h:5433",
    ],
)
def test_one_host(given: str) -> None:
    assert normalised_url(given) == "postgresql+psycopg://u:p@h:5433/d"


def test_a_socket_and_what_a_url_states_itself() -> None:
    """A folder is a host; the URL's own target and timeouts stay."""
    made = server_url("postgresql://u@/d?host=/tmp/a b&connect_timeout=3&target_session_attrs=any&sslmode=verify-full")
    assert (made.host, made.query["host"], made.query["sslmode"]) == (None, "/tmp/a b", "verify-full")
    arguments = connection_arguments(made, "nightmail")
    assert "connect_timeout" not in arguments
    stated = server_url("postgresql://u@h1,h2/d?target_session_attrs=any&options=-c%20work_mem%3D8MB")
    assert stated.query["target_session_attrs"] == "any"
    assert connection_arguments(stated, "nightmail")["options"].endswith("-c work_mem=8MB")


@pytest.mark.parametrize(
    "given",
    [
        "garbage",
        "mysql://u@h/d",
        "postgresql://secret@host:port/name",
        "postgresql://u@h1:1,h2:x/d",
        "host=a,b port=1,2,3",
        "",
    ],
)
def test_what_is_no_url_is_told_without_what_was_given(given: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        server_url(given)
    assert refused.value.reason == "settings_invalid"
    assert not given or given not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.fixture
def on_tcp(postgres: LocalServer, database_url: str) -> Iterator[str]:
    """The test's database over TCP, by a listener that gives each connection its own one to the server's socket."""
    pooler = TransactionPooler(postgres, share=False)
    yield pooler.url(database_url)
    pooler.close()


def test_the_server_looks_after_its_side_of_each_session(on_tcp: str) -> None:
    """Of the product's engine and of a sender; a host that vanished is noticed in less than 18 seconds."""
    with engine(on_tcp).connect() as connection:
        stated = {
            name: int(connection.scalar(text(f"select reset_val from pg_settings where name = '{name}'")))
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        }
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=socket.dup(driver.fileno())) as client:
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 12_000
    assert stated == {
        "tcp_keepalives_idle": 5,
        "tcp_keepalives_interval": 3,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": 12_000,
    }
    # The last probe before the timeout is over, and the one after it.
    assert 5 + 3 * (1 + (12 - 5) // 3) < 18


def test_of_several_hosts_one_that_is_gone_is_passed_over(on_tcp: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = closed.getsockname()[1]
    one = server_url(on_tcp)
    several = f"postgresql://{one.username}@127.0.0.1:{gone},{one.host}:{one.port}/{one.database}"
    with engine(several).connect() as connection:
        assert connection.scalar(text("select not pg_is_in_recovery()"))


def test_a_pooler_that_does_not_keep_sessions_is_found_out(
    postgres: LocalServer, database_url: str, on_tcp: str
) -> None:
    kept = session_facts(create_engine(normalised_url(on_tcp)))
    assert (kept.kept, kept.time_zone) == (True, "UTC")
    pooler = TransactionPooler(postgres, share=True)
    try:
        assert not session_facts(create_engine(normalised_url(pooler.url(database_url)))).kept
    finally:
        pooler.close()
