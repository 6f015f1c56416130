"""``nightmail sandbox``: which channels go to the sandbox, and switching it off and on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commands.choices import refuse_unknown_channel
from commands.screen import Screen, counted, screen, table
from nightmail.channels import CHANNELS

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.organisation.stored_feeds import FeedRow
    from nightmail.provisioning import Change

app = typer.Typer(no_args_is_help=True, help="See what goes to the sandbox; end it.", rich_markup_mode="rich")
_CHANNEL = typer.Option(None, "--channel", help=f"Only for {CHANNELS.choice()}; the SFTP server stays as it is.")


@app.command("status")
def status(json_output: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Which accounts of the sandbox are on, and which feeds' folders are on its SFTP server."""
    from commands.local import open_database
    from nightmail.organisation.sandbox_accounts import sandbox_accounts
    from nightmail.provisioning.sandbox import names_of, sandbox_feeds

    view = screen(json_output)
    engine = open_database()
    with engine.connect() as connection:
        accounts = sandbox_accounts(connection)
        feeds = names_of(sandbox_feeds(connection))
    rows = [{"name": each.name, "channel": each.channel, "on": each.on} for each in accounts]
    view.answer({"ok": True, "accounts": rows, "feeds": feeds})
    if not accounts:
        view.say("There is no sandbox here. `nightmail up` makes it where no carrier account is active.")
        return
    cells = [(each.name, each.channel, "on" if each.on else "off") for each in accounts]
    view.show(table("Sandbox", ("account", "channel", ""), cells))
    for feed in feeds:
        view.say(f"files on its SFTP server: {feed}")


@app.command("off")
def off(
    channel: str = _CHANNEL,
    *,
    yes: bool = typer.Option(False, "--yes", "-y", help="Even where feeds' folders are on its SFTP server."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Hand nothing to the sandbox any more, believe nothing that it reports, and let nobody in to its SFTP server."""
    from commands.local import actor, open_database
    from commands.sandbox_setup import write_sftp_users
    from nightmail.provisioning.sandbox import switch_off
    from nightmail.settings import settings

    view = screen(json_output)
    if channel is not None:
        refuse_unknown_channel(channel)
    engine = open_database()
    if channel is None and not yes and not json_output:
        yes = _asked_about_feeds(view, engine)
    changes = switch_off(engine, actor=actor(), channel=channel, feeds_may_stay=yes)
    write_sftp_users(engine, settings().data_dir / "sandbox")
    _show(view, engine, changes, "The sandbox was off already.")


@app.command("on")
def on(channel: str = _CHANNEL, *, json_output: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Use the sandbox again for channels that no real account carries."""
    from commands.local import actor, open_database
    from commands.sandbox_setup import write_sftp_users
    from nightmail.provisioning.sandbox import switch_on
    from nightmail.settings import settings

    view = screen(json_output)
    if channel is not None:
        refuse_unknown_channel(channel)
    engine = open_database()
    changes = switch_on(engine, actor=actor(), channel=channel)
    write_sftp_users(engine, settings().data_dir / "sandbox")
    _show(view, engine, changes, "The sandbox was on already, or real accounts carry every channel.")
    if changes:
        view.say(
            "Where `nightmail up` was started while the sandbox was off, start it anew: it runs the sandbox's parts."
        )


def _asked_about_feeds(view: Screen, engine: Engine) -> bool:
    """Name the feeds whose folders go, with what still lies in them, and ask; whether there are any and it shall be done."""
    from nightmail.provisioning.sandbox import sandbox_feeds

    with engine.connect() as connection:
        feeds = sandbox_feeds(connection)
    if not feeds:
        return False
    view.say("These feeds get no file over SFTP any more; their files come by the API alone:", style="yellow")
    for feed, lying in zip(feeds, _lying(engine, feeds), strict=True):
        view.say(f"  {feed.team}/{feed.name} ({feed.folder}): {lying}")
    view.say("To move one: give it an sftp_server and folder of your own in the organisation file, and provision it.")
    if not typer.confirm("Switch the sandbox off all the same?"):
        view.say("Nothing was changed.")
        raise typer.Exit(1)
    return True


def _lying(engine: Engine, feeds: list[FeedRow]) -> list[str]:
    """How many files lie in each feed's folder, as far as the server says."""
    from nightmail.errors import NightmailError
    from resources.sftp import SftpConnection, SftpFolder
    from resources.sftp.servers import SftpServersResource

    with engine.connect() as connection:
        server = next(each for each in SftpServersResource().servers(connection) if each.id == feeds[0].sftp_server_id)
    try:
        link = SftpConnection(server.settings())
    except NightmailError:
        return ["the server's password is not known"] * len(feeds)
    found = []
    for feed in feeds:
        try:
            found.append(f"{counted(len(SftpFolder(link, server.path(feed.folder or '')).look()), 'file')} in it")
        except NightmailError as error:
            found.append(f"what is in it is not known: {error.message}")
    link.close()
    return found


def _show(view: Screen, engine: Engine, changes: tuple[Change, ...], nothing: str) -> None:
    from commands.local import sandbox_of

    view.in_sandbox = None
    view.sandbox(sandbox_of(engine))
    view.answer({"ok": True, "changes": [change.__dict__ for change in changes]})
    if not changes:
        view.say(nothing)
        return
    cells = [(change.action, change.kind, change.name, "; ".join(change.details)) for change in changes]
    view.show(table("Sandbox", ("", "part", "name", "details"), cells))
