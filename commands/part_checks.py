"""Questions to the outside parts: does each answer, and with the credentials that we have? For ``doctor`` and ``provision``.

Each gives a :class:`Checked`; none raises for what an outside part does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nightmail.errors import NightmailError
from nightmail.reasons import Surface

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.organisation.carrier_accounts import CarrierAccountRow
    from resources.sftp import SftpConnection


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
        return Checked(part, "ill", error.message, error.remedy_for(Surface.SHELL))


def check_sftp_servers(engine: Engine, make_folders: bool = False) -> Iterator[Checked]:
    """Log in to every active server and look at the folder of each of its feeds, made if ``make_folders``."""
    from nightmail.organisation.stored_feeds import feeds_of_server
    from resources.sftp import SftpConnection
    from resources.sftp.servers import SftpServersResource

    with engine.connect() as connection:
        servers = SftpServersResource().servers(connection)
        feeds = {server.id: feeds_of_server(connection, server.id) for server in servers}
    for server in servers:
        part = f"SFTP server {server.name}"
        try:
            link = SftpConnection(server.settings())
        except NightmailError as error:
            yield Checked(part, "ill", error.message, error.remedy_for(Surface.SHELL))
            continue
        answer = asked(part, link.check)
        yield answer
        if not answer.ill:
            for feed in feeds[server.id]:
                look = partial(_look, link, server.path(feed.folder or ""), make_folders)
                yield asked(f"folder of feed {feed.team}/{feed.name}", look)
        link.close()


def _look(link: SftpConnection, path: str, make_folder: bool) -> str:
    from resources.sftp import SftpFolder

    made = ""
    if make_folder:
        client = link.client()
        with link.translated(path, "make"):
            so_far = "/" if path.startswith("/") else ""
            for name in path.strip("/").split("/"):
                so_far = posixpath.join(so_far, name)
                try:
                    client.stat(so_far)
                except FileNotFoundError:
                    client.mkdir(so_far)
                    made = " It was made."
    files = len(SftpFolder(link, path).look())
    return f"{path} can be read; {files} file{'' if files == 1 else 's'} in it.{made}"


def check_carriers(engine: Engine) -> Iterator[Checked]:
    """Ask every active account's carrier, with its credentials, a harmless question; sends nothing."""
    from nightmail.organisation.carrier_accounts import carrier_accounts
    from nightmail.settings import settings
    from resources.carrier_settings import carrier_settings
    from resources.carriers import CARRIERS

    with engine.connect() as connection:
        rows = carrier_accounts(connection)
    for row in sorted(rows, key=lambda account: account.name):
        part = f"carrier account {row.name} ({row.carrier}, {row.channel})"
        try:
            carrier = CARRIERS.build(carrier_settings(row, settings().public_url))
        except NightmailError as error:
            yield Checked(part, "ill", error.message, error.remedy_for(Surface.SHELL))
            continue
        try:
            answer = carrier.check()
        finally:
            carrier.close()
        yield Checked(part, "well" if answer.well else "ill", answer.message, answer.remedy)
        yield from _check_mailbox(row)


def _check_mailbox(account: CarrierAccountRow) -> Iterator[Checked]:
    from resources.carrier_accounts import mailbox_of

    part = f"mailbox of {account.name}"
    try:
        mailbox = mailbox_of(account)
    except NightmailError as error:
        yield Checked(part, "ill", error.message, error.remedy_for(Surface.SHELL))
        return
    if mailbox is not None:
        answer = mailbox.check()
        yield Checked(part, "well" if answer.well else "ill", answer.message, answer.remedy)


def check_sandbox(engine: Engine) -> Iterator[Checked]:
    """Say which accounts of the sandbox are on, and which are off."""
    from nightmail.organisation.sandbox_accounts import sandbox_accounts

    with engine.connect() as connection:
        accounts = sandbox_accounts(connection)
    on = [f"{account.name} ({account.channel})" for account in accounts if account.on]
    off = [account.name for account in accounts if not account.on]
    if on:
        rest = f" Off: {', '.join(off)}." if off else ""
        message = f"On: {', '.join(on)}; what goes over them reaches nobody.{rest}"
        remedy = "An active account of yours ends it for its channel, `nightmail sandbox off` for all."
        yield Checked("sandbox", "note", message, remedy)
    elif off:
        yield Checked("sandbox", "well", f"off: {', '.join(off)}")


def check_templates(engine: Engine) -> Iterator[Checked]:
    """Say what is wrong in the newest version of each feed's template, or worth a look, and look at its audio files."""
    from nightmail.organisation.stored_templates import contents_in_use
    from nightmail.templates import load_template
    from resources.audio_files import audio_addresses

    with engine.connect() as connection:
        contents = contents_in_use(connection)
    addresses: dict[str, None] = {}
    for content in contents:
        try:
            template = load_template(content)
        except NightmailError as error:
            yield Checked("template", "ill", error.message, error.remedy_for(Surface.SHELL))
            continue
        addresses |= dict.fromkeys(audio_addresses(template))
        for finding in template.warnings():
            yield Checked(f"template {template.name}", "note", finding.message, finding.remedy)
    yield from _check_audio_files(addresses)


def _check_audio_files(addresses: Iterable[str]) -> Iterator[Checked]:
    from resources.audio_files import AudioFileError, look_at_audio

    for address in addresses:
        part = f"audio file {address}"
        try:
            kind = look_at_audio(address)
        except AudioFileError as error:
            yield Checked(part, "ill", error.message, error.remedy_for(Surface.SHELL))
            continue
        if kind is None:
            yield Checked(part, "note", "Its server does not answer us.", "See that the carrier can reach it.")
        else:
            yield Checked(part, "well", kind)
