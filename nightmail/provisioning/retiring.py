"""What the organisation file no longer names: retired, where nothing under way needs it.

A retired part gets no new work, and its row stays: history refers to it, and it comes back when the file names it again.
Only what a file of this organisation made is retired. What was made by other means, or cannot be retired by its nature,
stays, and is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, delete, func, select, text, update

from nightmail.events.webhooks import end_webhook
from nightmail.organisation.categories import PREDEFINED_CATEGORIES
from nightmail.organisation.teams import is_at_or_below
from nightmail.provisioning.organisation import Organisation
from nightmail.provisioning.queries import USERS_OF_ACCOUNT, USERS_OF_SERVER
from nightmail.provisioning.setup import CANNOT, LEAVE, RETIRE, Change, Setup
from nightmail.provisioning.work_in_flight import WorkInFlight, named
from nightmail.store import tables

_WAIT = "wait until it has ended, or end it with `nightmail cancel`, then run this again"
_OTHER_MEANS = "it was not made by this file"


def retire_feeds(work: Setup, organisation: Organisation, in_flight: WorkInFlight) -> None:
    """Retire the feeds that the file no longer names; done before others are set up, which may take over their folders."""
    kept = {(part.team, part.name) for part in organisation.feeds}
    for row in _owned(work, tables.Feed, tables.Feed.active.is_(True)):
        if (row.team, row.name) in kept or not _may_be_retired(work, "feed", f"{row.team}/{row.name}", row):
            continue
        if row.id in in_flight.feeds:
            _cannot(
                work, "feed", f"{row.team}/{row.name}", f"{named(in_flight.feeds[row.id])} of it has not ended: {_WAIT}"
            )
        elif row.id in in_flight.parts:
            problem = "files of it wait for their further parts: upload those first, then run this again"
            _cannot(work, "feed", f"{row.team}/{row.name}", problem)
        else:
            # The folder is free for another feed.
            values = {"active": False, "sftp_server_id": None, "folder": None}
            _retire(work, "feed", f"{row.team}/{row.name}", tables.Feed, row.id, values, "files are not taken any more")


def retire_others(work: Setup, organisation: Organisation, in_flight: WorkInFlight) -> None:
    """Retire all else that the file no longer names, in the order in which parts need each other; list what stays."""
    _retire_webhooks(work, organisation)
    _retire_keys(work, organisation)
    _retire_senders(work, organisation, in_flight)
    _retire_accounts(work, organisation, in_flight)
    _retire_servers(work, organisation, in_flight)
    _list_what_stays(work, organisation)


def remove_prices(work: Setup, wanted: Iterable[tuple[Any, ...]]) -> None:
    """Remove the prices that the file no longer names: what messages cost is kept with them."""
    price = tables.Price
    keys = set(wanted)
    rows = work.connection.execute(
        select(
            price.id, price.carrier, price.channel, price.country, price.effective_from, price.amount, price.currency
        )
        .where(price.provisioned_by == work.organisation)
        .order_by(price.id)
    ).all()
    gone = [row for row in rows if (row.carrier, row.channel, row.country, row.effective_from) not in keys]
    if gone:
        work.connection.execute(delete(price).where(price.id.in_([row.id for row in gone])))
        details = tuple(
            f"{row.carrier} {row.channel} {row.country or 'elsewhere'} from {row.effective_from}: "
            f"{row.amount.normalize():f} {row.currency}"
            for row in gone
        )
        work.changes.append(Change(RETIRE, "prices", f"{len(gone)} entries", details))


def _retire_webhooks(work: Setup, organisation: Organisation) -> None:
    kept = {(part.team, part.url) for part in organisation.webhooks}
    for row in _owned(work, tables.Webhook, tables.Webhook.active.is_(True)):
        name = f"{row.team} {row.url}"
        if (row.team, row.url) not in kept and _may_be_retired(work, "webhook", name, row):
            end_webhook(work.connection, row.id)
            work.changes.append(
                Change(RETIRE, "webhook", name, ("it is called no more; calls that wait are given up",))
            )


def _retire_keys(work: Setup, organisation: Organisation) -> None:
    kept = {(part.team, part.name) for part in organisation.api_keys}
    for row in _owned(work, tables.ApiKey, tables.ApiKey.revoked_at.is_(None)):
        name = f"{row.team}/{row.name}"
        if (row.team, row.name) not in kept and _may_be_retired(work, "api key", name, row):
            stays = "it is revoked: named again, another one is made"
            _retire(work, "api key", name, tables.ApiKey, row.id, {"revoked_at": func.now()}, stays)


def _retire_senders(work: Setup, organisation: Organisation, in_flight: WorkInFlight) -> None:
    kept = {(part.team, part.channel, part.name) for part in organisation.senders}
    for row in _owned(work, tables.Sender, tables.Sender.retired_at.is_(None)):
        name = f"{row.team} {row.channel} {row.name}"
        if (row.team, row.channel, row.name) in kept or not _may_be_retired(work, "sender", name, row):
            continue
        campaigns = in_flight.senders.get((row.carrier_account_id, row.address))
        if campaigns:
            _cannot(work, "sender", name, f"{named(campaigns)} would go on from it: {_WAIT}")
        else:
            stays = "nothing is sent from it; replies to it still belong to its team"
            _retire(work, "sender", name, tables.Sender, row.id, {"retired_at": func.now()}, stays)


def _retire_accounts(work: Setup, organisation: Organisation, in_flight: WorkInFlight) -> None:
    kept = {part.name for part in organisation.carrier_accounts}
    account = tables.CarrierAccount
    rows = work.connection.execute(
        select(account.id, account.name, account.settings, account.provisioned_by, account.team_id)
        .where(account.active.is_(True))
        .order_by(account.id)
    ).all()
    for row in rows:
        if row.name in kept or not _is_here(work, row):
            continue
        if (row.settings or {}).get("sandbox"):
            _leave(work, "carrier account", row.name, "it is the sandbox's: `nightmail sandbox off` ends it")
        elif _may_be_retired(work, "carrier account", row.name, row):
            users = work.connection.scalars(text(USERS_OF_ACCOUNT), {"account": row.id}).all()
            if row.id in in_flight.accounts:
                going = named(in_flight.accounts[row.id])
                _cannot(work, "carrier account", row.name, f"{going} would go on over it: {_WAIT}")
            elif users:
                _cannot(work, "carrier account", row.name, f"{', '.join(users)} is on it: move or retire that first")
            else:
                values = {"active": False, "retired_at": func.now()}
                stays = "nothing is handed to it; what it reports of earlier messages is taken for 30 days"
                _retire(work, "carrier account", row.name, account, row.id, values, stays)


def _retire_servers(work: Setup, organisation: Organisation, in_flight: WorkInFlight) -> None:
    kept = {part.name for part in organisation.sftp_servers}
    server = tables.SftpServer
    rows = work.connection.execute(
        select(server.id, server.name, server.provisioned_by)
        .where(server.active.is_(True), server.provisioned_by == work.organisation)
        .order_by(server.id)
    ).all()
    for row in rows:
        if row.name in kept:
            continue
        users = work.connection.scalars(text(USERS_OF_SERVER), {"server": row.id, "name": row.name}).all()
        if users:
            _cannot(work, "sftp server", row.name, f"{', '.join(users)} uses it: move or retire that first")
        elif row.id in in_flight.servers:
            going = f"a file of the campaign {in_flight.servers[row.id]} is to be answered there: {_WAIT}"
            _cannot(work, "sftp server", row.name, going)
        else:
            stays = "nothing is taken from it or written to it"
            _retire(work, "sftp server", row.name, server, row.id, {"active": False}, stays)


def _list_what_stays(work: Setup, organisation: Organisation) -> None:
    """Teams, categories and templates: what was sent, agreed to and suppressed is theirs, and they do nothing by themselves."""
    paths = {path for path, _ in organisation.teams()}
    team = tables.Team
    for path in work.connection.scalars(select(team.path).order_by(team.path)).all():
        if path not in paths and is_at_or_below(path, organisation.organisation.path):
            _leave(
                work,
                "team",
                path,
                "its contacts, opt-outs and history are its own; it does nothing without feeds and keys",
            )
    categories = {(part.team, part.name) for part in organisation.categories}
    for row in _owned(work, tables.Category):
        if (row.team, row.name) not in categories and row.name not in PREDEFINED_CATEGORIES:
            _leave(work, "category", f"{row.team}/{row.name}", "preferences, consents and history name it")
    kept = {(change.name) for change in work.changes if change.kind == "template"}
    for row in _owned(work, tables.Template):
        if f"{row.team}/{row.name}" not in kept:
            _leave(
                work, "template", f"{row.team}/{row.name}", "its versions are history; without a feed it sends little"
            )


# --- Steps of each kind ----------------------------------------------------------------------------------------------


def _owned(work: Setup, table: Any, *conditions: Any) -> list[Row[Any]]:
    """The rows of a table whose team is one of the organisation's, with the team's path."""
    team = tables.Team
    rows = work.connection.execute(
        select(table.__table__, team.path.label("team"))
        .join(team, team.id == table.team_id)
        .where(*conditions)
        .order_by(table.id)
    )
    assert work.organisation is not None
    return [row for row in rows if is_at_or_below(row.team, work.organisation)]


def _is_here(work: Setup, row: Row[Any]) -> bool:
    """Whether an account is this organisation's matter: its file's, one of its teams', or of all and of no other file."""
    if row.provisioned_by is not None:
        return bool(row.provisioned_by == work.organisation)
    return row.team_id is None or row.team_id in work.team_ids.values()


def _may_be_retired(work: Setup, kind: str, name: str, row: Row[Any]) -> bool:
    """Whether a file of this organisation made a part; one that was made by other means is listed as left."""
    if row.provisioned_by == work.organisation:
        return True
    _leave(work, kind, name, _OTHER_MEANS)
    return False


def _retire(work: Setup, kind: str, name: str, table: Any, row_id: int, values: dict[str, Any], stays: str) -> None:
    work.connection.execute(update(table).where(table.id == row_id).values(values))
    work.changes.append(Change(RETIRE, kind, name, (stays,)))


def _cannot(work: Setup, kind: str, name: str, problem: str) -> None:
    work.changes.append(Change(CANNOT, kind, name, (problem,)))


def _leave(work: Setup, kind: str, name: str, reason: str) -> None:
    work.changes.append(Change(LEAVE, kind, name, (reason,)))
