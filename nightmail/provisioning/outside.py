"""What connects an organisation with the outside, brought into the database: SFTP servers, carrier accounts, senders."""

from __future__ import annotations

from sqlalchemy import select

from nightmail.channels import CHANNELS, BodyKind
from nightmail.organisation.team_settings import reply_addresses
from nightmail.privacy.reply_addresses import LONGEST_NAME
from nightmail.provisioning.organisation import CarrierAccountPart, SenderPart, SftpServerPart
from nightmail.provisioning.setup import Setup, organisation_invalid
from nightmail.store import tables


def set_up_sftp_server(work: Setup, part: SftpServerPart, *, active: bool = True) -> None:
    """Bring in one SFTP server."""
    work.sftp_server_ids[part.name] = work.settle(
        "sftp server",
        part.name,
        tables.SftpServer,
        {"name": part.name},
        {
            "host": part.host,
            "port": part.port,
            "username": part.username,
            "password_secret": work.secret(part.password_secret),
            "private_key_secret": work.secret(part.private_key_secret),
            "host_key": part.host_key,
            "root": part.root,
            "active": active,
        },
        hidden=("password_secret", "private_key_secret"),
    )


def set_up_carrier_account(work: Setup, part: CarrierAccountPart, region: str, *, active: bool = True) -> None:
    """Bring in one carrier account; ``region`` is the organisation's."""
    settings = part.stored_settings()
    if part.mailbox is not None:
        settings["mailbox"]["secret"] = work.secret(part.mailbox.secret)
    work.carrier_account_ids[part.name] = work.settle(
        "carrier account",
        part.name,
        tables.CarrierAccount,
        {"name": part.name},
        {
            "team_id": work.team_id(part.team),
            "carrier": part.carrier_name,
            "channel": part.channel_name,
            "region": part.region or region,
            "priority": part.priority,
            "settings": settings,
            "secret": work.secret(part.secret),
            "webhook_secret": work.secret(part.webhook_secret),
            "active": active,
            **({"retired_at": None} if active else {}),
        },
        hidden=("secret", "webhook_secret"),
    )


def set_up_sender(work: Setup, part: SenderPart) -> None:
    """Bring in one sender of a team. Raises :class:`ConfigurationError` (``organisation_invalid``) where its account does not fit."""
    account = _carrier_account_id(work, part.carrier_account, f"sender {part.team} {part.channel} {part.name}")
    channel = work.connection.execute(
        select(tables.CarrierAccount.channel).where(tables.CarrierAccount.id == account)
    ).scalar_one()
    if channel != part.channel:
        raise organisation_invalid(
            f"the sender {part.name} of {part.team} is for {part.channel}, "
            f"but its account {part.carrier_account} carries {channel}"
        )
    mailbox = part.reply_to or part.address
    name = mailbox.rpartition("@")[0]
    is_email = CHANNELS[part.channel].body is BodyKind.EMAIL
    if is_email and len(name.encode()) > LONGEST_NAME and reply_addresses(work.connection, part.team) is not None:
        raise organisation_invalid(
            f"the sender {part.name} of {part.team} answers to {mailbox}, whose part before the @ has more than {LONGEST_NAME} "
            "characters: with reply_addresses there is no room for the token of a message"
        )
    work.settle(
        "sender",
        f"{part.team} {part.channel} {part.name}",
        tables.Sender,
        {"team_id": work.team_id(part.team), "channel": part.channel, "name": part.name},
        {
            "address": part.address,
            "display_name": part.display_name,
            "reply_to": part.reply_to,
            "carrier_account_id": account,
            "settings": part.settings,
            "retired_at": None,
        },
        named={"carrier_account_id": tables.CarrierAccount},
    )


def _carrier_account_id(work: Setup, name: str, wanted_by: str) -> int:
    found = (
        work.carrier_account_ids.get(name)
        or work.connection.execute(
            select(tables.CarrierAccount.id).where(tables.CarrierAccount.name == name)
        ).scalar_one_or_none()
    )
    if found is None:
        raise organisation_invalid(f"the {wanted_by} names the carrier account {name}, which does not exist")
    return int(found)
