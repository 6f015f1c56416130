"""The sandbox's accounts and its SFTP server: brought in by ``nightmail up``, ended by a real account or by a person.

What was handed to the sandbox is certain: it reached nobody. So nothing of it is sent again by itself, and nothing that was
prepared while a channel went to the sandbox goes on to people by itself: its campaigns wait for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text, update

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.transitions import move_campaign
from nightmail.carriers.protocol import NOT_REACHED, REACHED
from nightmail.channels import CHANNELS
from nightmail.errors import UsageError
from nightmail.organisation.carrier_accounts import carrier_accounts
from nightmail.organisation.sandbox_accounts import SANDBOX_SERVER, SandboxAccount, sandbox_accounts
from nightmail.organisation.stored_feeds import FeedRow, feeds_of_server
from nightmail.provisioning.organisation import CarrierAccountPart, SftpServerPart
from nightmail.provisioning.outside import set_up_carrier_account, set_up_sftp_server
from nightmail.provisioning.queries import CAMPAIGNS_GOING_ON, UNREPORTED
from nightmail.provisioning.setup import CHANGE, RETIRE, Change, Setup
from nightmail.reasons import remedy, sentence
from nightmail.store import tables
from nightmail.store.states import CampaignState
from nightmail.templates import load_template

_SHOWN = 5
"""Campaigns that are named."""


# --- What ``up`` brings in -------------------------------------------------------------------------------------------


def provision_sandbox(
    engine: Engine, server: SftpServerPart, accounts: Sequence[CarrierAccountPart], base: Path, actor: str
) -> None:
    """Bring the rows of the sandbox up to date with where its processes listen now.

    What is switched off stays so. A new account is on where no real one carries its channel and the sandbox is not off.
    """
    with engine.begin() as connection:
        work = Setup(connection, base, actor)
        before = {account.name: account.on for account in sandbox_accounts(connection)}
        carried = {account.channel for account in carrier_accounts(connection) if account.name not in before}
        found = _server(connection)
        set_up_sftp_server(work, server, active=found is None or bool(found.active))
        for account in accounts:
            on = before.get(account.name, account.channel_name not in carried and (not before or any(before.values())))
            set_up_carrier_account(work, account, "eu", active=on)
        work.audit()


def is_sandbox_wanted(connection: Connection) -> bool:
    """Whether the sandbox's processes are to run: something goes there, or nothing at all is set up yet."""
    accounts, server = sandbox_accounts(connection), _server(connection)
    if accounts or server is not None:
        return any(account.on for account in accounts) or (server is not None and bool(server.active))
    return not carrier_accounts(connection)


# --- Ending it -------------------------------------------------------------------------------------------------------


def end_beside_real_accounts(work: Setup) -> None:
    """Switch the sandbox's account off for each channel that a real account carries now."""
    connection = work.connection
    of_sandbox = {account.id: account for account in sandbox_accounts(connection)}
    active = set(
        connection.scalars(select(tables.CarrierAccount.id).where(tables.CarrierAccount.active.is_(True))).all()
    )
    real = {
        account.channel: account.name
        for account in reversed(carrier_accounts(connection))
        if account.id not in of_sandbox
    }
    for account in of_sandbox.values():
        if account.id in active and account.channel in real:
            _end(work, account, f"{account.channel} goes over {real[account.channel]} from now on")


def switch_off(
    engine: Engine, *, actor: str, channel: str | None = None, feeds_may_stay: bool = False
) -> tuple[Change, ...]:
    """Switch the sandbox off, for one channel or as a whole with its SFTP server.

    Raises :class:`UsageError` (``sandbox_feeds``) where feeds' folders are on that server, unless ``feeds_may_stay``.
    """
    with engine.begin() as connection:
        work = Setup(connection, Path(), actor)
        lock_provisioning(connection)
        for account in sandbox_accounts(connection):
            if account.on and channel in (None, account.channel):
                _end(work, account, f"no message of {account.channel} is handed to it any more")
        server = _server(connection)
        if channel is None and server is not None and server.active:
            feeds = feeds_of_server(connection, server.id)
            if feeds and not feeds_may_stay:
                raise UsageError("sandbox_feeds", feeds=", ".join(names_of(feeds)))
            _switch_server(connection, False)
            details = (f"files of {', '.join(names_of(feeds))} are not taken there any more",) if feeds else ()
            work.changes.append(Change(RETIRE, "sftp server", SANDBOX_SERVER, details))
        work.audit()
    return tuple(work.changes)


def switch_on(engine: Engine, *, actor: str, channel: str | None = None) -> tuple[Change, ...]:
    """Switch the sandbox on again, for one channel or for all that no real account carries, with its SFTP server.

    Raises :class:`UsageError` (``sandbox_missing``, ``sandbox_beside_real``).
    """
    with engine.begin() as connection:
        work = Setup(connection, Path(), actor)
        lock_provisioning(connection)
        of_sandbox = [each for each in sandbox_accounts(connection) if channel in (None, each.channel)]
        if not of_sandbox:
            raise UsageError("sandbox_missing")
        own = {account.id for account in sandbox_accounts(connection)}
        real = {each.channel: each.name for each in reversed(carrier_accounts(connection)) if each.id not in own}
        if channel is not None and channel in real:
            raise UsageError("sandbox_beside_real", channel=channel, account=real[channel])
        for account in of_sandbox:
            if not account.on and account.channel not in real:
                _switch_account(connection, account.id, True)
                work.changes.append(Change(CHANGE, "carrier account", account.name, (f"{account.channel} goes there",)))
        server = _server(connection)
        if channel is None and server is not None and not server.active:
            _switch_server(connection, True)
            work.changes.append(Change(CHANGE, "sftp server", SANDBOX_SERVER, ("files are taken there",)))
        work.audit()
    return tuple(work.changes)


def sandbox_feeds(connection: Connection) -> list[FeedRow]:
    """The active feeds whose folders are on the sandbox's SFTP server, while it is on."""
    server = _server(connection)
    return feeds_of_server(connection, server.id) if server is not None and server.active else []


def names_of(feeds: Iterable[FeedRow]) -> list[str]:
    """How feeds are called, with their folders."""
    return [f"{feed.team}/{feed.name} ({feed.folder})" for feed in feeds]


def lock_provisioning(connection: Connection) -> None:
    """Let one transaction at a time change what an organisation consists of."""
    connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.provision'))"))


def _end(work: Setup, account: SandboxAccount, because: str) -> None:
    connection = work.connection
    unreported = connection.scalar(
        text(UNREPORTED), {"account": account.id, "final": [str(status) for status in REACHED | NOT_REACHED]}
    )
    _switch_account(connection, account.id, False)
    held = _hold_campaigns(work, account.channel)
    details = [because]
    if unreported:
        details.append(f"{unreported} messages that it took without a last receipt get none: they reached nobody")
    if held:
        named = ", ".join(held[:_SHOWN]) + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
        details.append(f"a person decides about what was made for the sandbox: {named}")
        raise_alert(
            connection,
            reason="sandbox_ended",
            subject=f"sandbox:{account.channel}",
            message=sentence("sandbox_ended", channel=CHANNELS[account.channel].label, campaigns=named),
        )
    work.changes.append(Change(RETIRE, "carrier account", account.name, tuple(details)))


def _hold_campaigns(work: Setup, channel: str) -> list[str]:
    """Pause what is being sent or scheduled on a channel, stop what is being prepared for it; the campaigns' keys."""
    held = []
    for row in work.connection.execute(text(CAMPAIGNS_GOING_ON), {"channel": channel}).all():
        if row.state in ("scheduled", "sending"):
            move_campaign(
                work.connection,
                row.id,
                CampaignState.PAUSED,
                actor=work.actor,
                detail={"because": f"the sandbox ended for {channel}"},
            )
        elif channel in (row.channels or load_template(row.content).channels):
            problem = {
                "reason": "sandbox_ended",
                "message": sentence("sandbox_ended", channel=CHANNELS[channel].label, campaigns=row.key),
                "remedy": remedy("sandbox_ended"),
            }
            move_campaign(work.connection, row.id, CampaignState.STOPPED, actor=work.actor, problem=problem)
        else:
            continue
        held.append(row.key)
    return held


def _server(connection: Connection) -> Any:
    return connection.execute(
        select(tables.SftpServer.id, tables.SftpServer.active).where(tables.SftpServer.name == SANDBOX_SERVER)
    ).first()


def _switch_server(connection: Connection, on: bool) -> None:
    connection.execute(update(tables.SftpServer).where(tables.SftpServer.name == SANDBOX_SERVER).values(active=on))


def _switch_account(connection: Connection, account_id: int, on: bool) -> None:
    account = tables.CarrierAccount
    retired_at = None if on else func.coalesce(account.retired_at, func.now())
    connection.execute(update(account).where(account.id == account_id).values(active=on, retired_at=retired_at))
