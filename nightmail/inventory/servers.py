"""SFTP servers as administrators see them: where each is, when it was last looked at, what failed, whose feeds are on it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, text

from nightmail.inventory import queries
from nightmail.inventory.accounts import PartAlert


class ServerState(StrEnum):
    """How a server is."""

    RETIRED = "retired"
    FAILING = "failing"
    """The last look at it failed."""
    ALERTED = "alerted"
    """It answers, and some of its files need a person."""
    NEVER_LOOKED_AT = "never_looked_at"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Server:
    """One SFTP server; the secrets are references."""

    id: int
    name: str
    host: str
    port: int
    username: str
    password_secret: str | None = field(repr=False)
    private_key_secret: str | None = field(repr=False)
    host_key: str
    root: str
    active: bool
    looked_at: dt.datetime | None
    """When a look at it last went through, to within a minute."""
    failed_at: dt.datetime | None
    failure: str | None
    """What the last look that failed said; it stands after later ones went through."""
    provisioned_by: str | None
    owned: bool
    """Whether who asked sees the whole server, not only the folders of their own feeds."""
    feeds: int
    server_alerts: int
    file_alerts: int

    @property
    def state(self) -> ServerState:
        """How it is, in a word."""
        if not self.active:
            return ServerState.RETIRED
        if self.server_alerts:
            return ServerState.FAILING
        if self.file_alerts:
            return ServerState.ALERTED
        return ServerState.NEVER_LOOKED_AT if self.looked_at is None else ServerState.WELL

    @property
    def fingerprint(self) -> str | None:
        """The host key's fingerprint as OpenSSH shows it (``SHA256:...``); ``None`` for a key that is none."""
        return host_key_fingerprint(self.host_key)


@dataclass(frozen=True, slots=True)
class FeedOnServer:
    """A feed whose folder is on a server."""

    id: int
    team: str
    name: str
    folder: str | None
    schedule: str | None
    last_campaign_at: dt.datetime | None


def host_key_fingerprint(host_key: str) -> str | None:
    """The SHA-256 fingerprint of a public key such as ``ssh-ed25519 AAAA...``; ``None`` where it has no such form."""
    parts = host_key.split()
    if len(parts) < 2:
        return None
    try:
        content = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return f"SHA256:{base64.b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')}"


def servers(
    connection: Connection, seen: Sequence[str], *, retired: bool = False, after: str | None = None, limit: int = 100
) -> list[Server]:
    """The servers that are seen, by name: those of one's organisation, and those with a folder of a feed that is seen."""
    values = {"seen": list(seen), "retired": retired, "after": after, "limit": limit}
    return [Server(**row._mapping) for row in connection.execute(text(queries.SERVERS), values)]


def find_server(connection: Connection, seen: Sequence[str], server_id: int) -> Server | None:
    """One server; ``None`` where it is not there, or not seen."""
    row = connection.execute(text(queries.SERVER), {"seen": list(seen), "id": server_id}).first()
    return None if row is None else Server(**row._mapping)


def alerts_of_server(connection: Connection, server: Server) -> list[PartAlert]:
    """The open alerts about a server; those about files only for who sees the whole of it."""
    values = {"name": server.name, "owned": server.owned}
    return [PartAlert(**row._mapping) for row in connection.execute(text(queries.ALERTS_OF_SERVER), values)]


def feeds_on_server(connection: Connection, seen: Sequence[str], server: Server) -> list[FeedOnServer]:
    """The active feeds that are seen and have their folders there, by team and name; at most 200."""
    values = {"seen": list(seen), "server": server.id}
    return [FeedOnServer(**row._mapping) for row in connection.execute(text(queries.FEEDS_OF_SERVER), values)]
