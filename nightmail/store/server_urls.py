"""URLs of PostgreSQL: every spelling that people have, several hosts among them, as one SQLAlchemy URL.

libpq writes several hosts as ``postgresql://user@h1:5432,h2:5433/name`` or as ``host=h1,h2 port=5432,5433 dbname=name``,
SQLAlchemy as ``postgresql://user@/name?host=h1:5432&host=h2:5433``. Of several hosts the one is taken that can be written
to, unless the URL says otherwise: the product works with nothing else.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from nightmail.errors import ConfigurationError

PROBLEM = (
    "NIGHTMAIL_DATABASE_URL is not a URL such as postgresql://user:password@host:5432/name, or "
    "postgresql://user:password@host1:5432,host2:5432/name for a server and its standby"
)
_SCHEME = re.compile(r"^postgres(ql)?(\+\w+)?://")
_HOST_AND_PORT = re.compile(r"^(?P<host>\[[^\]]+\]|[^:/\[\]]*)(:(?P<port>\d*))?$")


def server_url(text: str, driver: str = "psycopg") -> URL:
    """Return the URL of a server, or of several, for a driver. Raises :class:`ConfigurationError` (``settings_invalid``)."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(_as_libpq_writes_it(text.strip())).items()}
        hosts, ports = _hosts_and_ports(parts.pop("host", ""), parts.pop("port", ""))
    except (psycopg.Error, ValueError, UnicodeError):
        # Without the driver's words, which repeat what was given, a password among it.
        raise ConfigurationError("settings_invalid", problem=PROBLEM) from None
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    query: dict[str, str] = dict(sorted(parts.items()))
    if len(hosts) > 1:
        query = {"target_session_attrs": "read-write"} | query | {"host": ",".join(hosts)}
        if any(ports):
            query["port"] = ",".join(ports)
    single = hosts[0] if len(hosts) == 1 else None
    if single is not None and (single.startswith(("/", "@")) or not single):
        query["host"], single = single, None
        if ports[0]:
            query["port"] = ports[0]
    return URL.create(
        f"postgresql+{driver}",
        username=user,
        password=password,
        host=single,
        port=int(ports[0]) if single is not None and ports[0] else None,
        database=database,
        query=query,
    )


def _as_libpq_writes_it(text: str) -> str:
    if not _SCHEME.match(text):
        if "://" in text or "=" not in text:
            raise ValueError("neither a URL nor parameters")
        return text
    text = _SCHEME.sub("postgresql://", text)
    split = urlsplit(text)
    pairs = parse_qsl(split.query, keep_blank_values=True)
    named = [value for name, value in pairs if name == "host"]
    if any(":" in value and "," not in value and not value.startswith(("/", "[")) for value in named) or len(named) > 1:
        found = [_split(value) for value in named]
        pairs = [(name, value) for name, value in pairs if name != "host"]
        pairs += [("host", ",".join(host for host, _ in found)), ("port", ",".join(port for _, port in found))]
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return text.partition("?")[0] + (f"?{query}" if query else "")


def _split(value: str) -> tuple[str, str]:
    found = _HOST_AND_PORT.match(value)
    if found is None and value.startswith("/"):
        return value, ""
    if found is None:
        raise ValueError("not a host")
    return found["host"], found["port"] or ""


def _hosts_and_ports(host: str, port: str) -> tuple[list[str], list[str]]:
    """As many ports as hosts; one port holds for all, and an empty one is the usual one."""
    hosts, ports = (host.split(",") if host else []), (port.split(",") if port else [])
    if any(each and not (each.isdigit() and 0 < int(each) < 65536) for each in ports):
        raise ValueError("not a port")
    if len(ports) <= 1:
        ports = (ports or [""]) * max(len(hosts), 1)
    if hosts and len(ports) != len(hosts):
        raise ValueError("not as many ports as hosts")
    return hosts, ports
