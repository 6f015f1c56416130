"""What provisioning would change, and changing it.

Both are one pass over the organisation inside one transaction: the plan is the pass rolled back, so that it can never
tell anything else than what is then done. Nothing is ever deleted: what is in the database and not in the file stays.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text, update

from nightmail.access.api_keys import create_key
from nightmail.errors import ConfigurationError
from nightmail.organisation.categories import find_category
from nightmail.provisioning.organisation import (
    ApiKeyPart,
    CarrierAccountPart,
    CategoryPart,
    FeedPart,
    Organisation,
    SenderPart,
    SftpServerPart,
    TeamPart,
    TemplatePart,
    WebhookPart,
)
from nightmail.store import tables

CREATE, CHANGE, KEEP = "create", "change", "keep"


@dataclass(frozen=True)
class Change:
    """One part of the organisation: ``action`` is create, change or keep; ``details`` say what changes, without secrets."""

    action: str
    kind: str
    name: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewKey:
    """An API key that was made: ``key`` can be shown only now."""

    team: str
    name: str
    key: str = field(repr=False)
    file: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """What provisioning did."""

    changes: tuple[Change, ...]
    new_keys: tuple[NewKey, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(change.action != KEEP for change in self.changes)


class _RolledBack(Exception):  # noqa: N818 - not an error: how a plan ends
    pass


def plan(engine: Engine, organisation: Organisation, base: Path) -> tuple[Change, ...]:
    """What :func:`provision` would do; changes nothing. ``base`` is the folder that the file's paths start from."""
    work = None
    try:
        with engine.begin() as connection:
            work = _Pass(connection, base, actor="plan")
            work.run(organisation)
            raise _RolledBack
    except _RolledBack:
        assert work is not None
        return tuple(work.changes)


def provision(engine: Engine, organisation: Organisation, base: Path, actor: str) -> Outcome:
    """Bring the database to what the organisation says, in one transaction. Safe to run again.

    Raises :class:`ConfigurationError` (or what loading a template raises) and then changes nothing.
    """
    with engine.begin() as connection:
        work = _Pass(connection, base, actor)
        work.run(organisation)
        work.audit()
    return Outcome(tuple(work.changes), tuple(work.new_keys))


def provision_outside(
    engine: Engine,
    servers: tuple[SftpServerPart, ...],
    accounts: tuple[CarrierAccountPart, ...],
    base: Path,
    actor: str,
) -> Outcome:
    """Only SFTP servers and carrier accounts of the whole deployment, without an organisation: the sandbox's, mostly."""
    with engine.begin() as connection:
        work = _Pass(connection, base, actor)
        for server in servers:
            work.sftp_server(server)
        for account in accounts:
            work.carrier_account(account, "eu")
        work.audit()
    return Outcome(tuple(work.changes))


class _Pass:
    """One pass over an organisation on one connection."""

    def __init__(self, connection: Connection, base: Path, actor: str) -> None:
        self.connection = connection
        self.base = base
        self.actor = actor
        self.changes: list[Change] = []
        self.new_keys: list[NewKey] = []
        self.team_ids: dict[str, int] = {}
        self.sftp_ids: dict[str, int] = {}
        self.account_ids: dict[str, int] = {}

    def run(self, organisation: Organisation) -> None:
        """Every part, in the order in which they need each other."""
        self.connection.execute(text("select pg_advisory_xact_lock(hashtext('nightmail.provision'))"))
        above: dict[str, dict[str, Any]] = {}
        for path, team in organisation.teams():
            above[path] = self._team(path, team, above.get(path.rpartition(".")[0], {}))
        self._predefined_categories()
        for category in organisation.categories:
            self._category(category)
        self._prices(organisation)
        for server in organisation.sftp_servers:
            self.sftp_server(server)
        for account in organisation.carrier_accounts:
            self.carrier_account(account, organisation.organisation.region or "eu")
        for sender in organisation.senders:
            self._sender(sender)
        for template in organisation.templates:
            self._template(template)
        for feed in organisation.feeds:
            self._feed(feed)
        for key in organisation.api_keys:
            self._api_key(key)
        for webhook in organisation.webhooks:
            self._webhook(webhook)

    def audit(self) -> None:
        """Write what was created or changed to the audit log; storing a template writes its own row."""
        now = dt.datetime.now(dt.UTC)
        rows = [
            {
                "month": now.date().replace(day=1),
                "at": now,
                "actor": self.actor,
                "action": f"provision.{change.action}",
                "object": f"{change.kind} {change.name}",
                "detail": {"details": list(change.details)},
            }
            for change in self.changes
            if change.action != KEEP and change.kind != "template"
        ]
        if rows:
            self.connection.execute(insert(tables.Audit), rows)

    def _settle(
        self,
        kind: str,
        name: str,
        table: Any,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
        *,
        hidden: tuple[str, ...] = (),
    ) -> int:
        """Find the row of ``key``, make it or bring it to ``values``; give its id."""
        rows = table.__table__
        where = [rows.c[column].is_not_distinct_from(value) for column, value in key.items()]
        found = self.connection.execute(select(rows).where(*where)).mappings().first()
        if found is None:
            made = self.connection.execute(insert(table).values({**key, **values}).returning(rows.c.id)).scalar_one()
            self.changes.append(Change(CREATE, kind, name))
            return int(made)
        different = {column: value for column, value in values.items() if found[column] != value}
        if different:
            self.connection.execute(update(table).where(rows.c.id == found["id"]).values(different))
        details = tuple(
            f"{column} changes" if column in hidden else f"{column}: {_shown(found[column])} → {_shown(value)}"
            for column, value in different.items()
        )
        self.changes.append(Change(CHANGE if different else KEEP, kind, name, details))
        return int(found["id"])

    def _team(self, path: str, part: TeamPart, above: Mapping[str, Any]) -> dict[str, Any]:
        parent = path.rpartition(".")[0]
        values: dict[str, Any] = {
            "parent_id": self.team_ids[parent] if parent else None,
            "name": part.name,
            "region": part.region or above.get("region", "eu"),
            "country": part.country or above.get("country"),
            "time_zone": part.time_zone or above.get("time_zone", "UTC"),
            "currency": part.currency or above.get("currency", "EUR"),
            "retention_days": part.retention_days or above.get("retention_days", 90),
            "settings": part.settings.model_dump(mode="json", exclude_none=True),
        }
        self.team_ids[path] = self._settle("team", path, tables.Team, {"path": path}, values)
        return values

    def _predefined_categories(self) -> None:
        from nightmail.organisation.categories import PREDEFINED_CATEGORIES

        rows = [
            {
                "name": name,
                "kind": kind,
                "needs_consent": kind == "marketing",
                "urgent": name in ("emergency", "outage"),
            }
            for name, kind in PREDEFINED_CATEGORIES.items()
        ]
        known = set(
            self.connection.execute(select(tables.Category.name).where(tables.Category.team_id.is_(None))).scalars()
        )
        missing = [row for row in rows if row["name"] not in known]
        if missing:
            self.connection.execute(insert(tables.Category), missing)
            names = ", ".join(str(row["name"]) for row in missing)
            self.changes.append(Change(CREATE, "categories", "predefined", (names,)))

    def _category(self, part: CategoryPart) -> None:
        consent = part.kind == "marketing" if part.needs_consent is None else part.needs_consent
        self._settle(
            "category",
            part.name if part.team is None else f"{part.team}/{part.name}",
            tables.Category,
            {"team_id": self._team_id(part.team), "name": part.name},
            {
                "kind": part.kind,
                "needs_consent": consent,
                "urgent": part.urgent,
                "resend_if_absent": part.resend_if_absent,
            },
        )

    def _prices(self, organisation: Organisation) -> None:
        from nightmail.organisation.prices import load_prices

        wanted: dict[tuple[str, str, str | None, dt.date], tuple[Decimal, str]] = {}
        for file in organisation.price_lists:
            for price in load_prices(self._path(file)).prices:
                key = (price.carrier, price.channel, price.country, price.effective_from)
                wanted[key] = (price.amount, price.currency)
        for part in organisation.prices:
            wanted[part.carrier, part.channel, part.country, part.effective_from] = (part.amount, part.currency)
        if not wanted:
            return
        found = {
            (row.carrier, row.channel, row.country, row.effective_from): (row.id, row.amount, row.currency)
            for row in self.connection.execute(select(tables.Price.__table__))
        }
        new = [key for key in wanted if key not in found]
        other = [key for key in wanted if key in found and found[key][1:] != wanted[key]]
        if new:
            self.connection.execute(
                insert(tables.Price),
                [
                    {
                        "carrier": key[0],
                        "channel": key[1],
                        "country": key[2],
                        "effective_from": key[3],
                        "amount": wanted[key][0],
                        "currency": wanted[key][1],
                    }
                    for key in new
                ],
            )
        for key in other:
            amount, currency = wanted[key]
            self.connection.execute(
                update(tables.Price).where(tables.Price.id == found[key][0]).values(amount=amount, currency=currency)
            )
        action = CREATE if new and not found else CHANGE if new or other else KEEP
        details = tuple(f"{len(keys)} {what}" for keys, what in ((new, "new"), (other, "changed")) if keys)
        self.changes.append(Change(action, "prices", f"{len(wanted)} entries", details))

    def sftp_server(self, part: SftpServerPart) -> None:
        """One SFTP server."""
        self.sftp_ids[part.name] = self._settle(
            "sftp server",
            part.name,
            tables.SftpServer,
            {"name": part.name},
            {
                "host": part.host,
                "port": part.port,
                "username": part.username,
                "password_secret": self._secret(part.password_secret),
                "private_key_secret": self._secret(part.private_key_secret),
                "host_key": part.host_key,
                "root": part.root,
                "active": True,
            },
            hidden=("password_secret", "private_key_secret"),
        )

    def carrier_account(self, part: CarrierAccountPart, region: str) -> None:
        """One carrier account; ``region`` is the organisation's."""
        self.account_ids[part.name] = self._settle(
            "carrier account",
            part.name,
            tables.CarrierAccount,
            {"name": part.name},
            {
                "team_id": self._team_id(part.team),
                "carrier": part.carrier_name,
                "channel": part.channel_name,
                "region": part.region or region,
                "priority": part.priority,
                "settings": part.stored_settings(),
                "secret": self._secret(part.secret),
                "webhook_secret": self._secret(part.webhook_secret),
                "active": True,
            },
            hidden=("secret", "webhook_secret"),
        )

    def _sender(self, part: SenderPart) -> None:
        account = self._account(part.carrier_account, f"sender {part.team} {part.channel} {part.name}")
        channel = self.connection.execute(
            select(tables.CarrierAccount.channel).where(tables.CarrierAccount.id == account)
        ).scalar_one()
        if channel != part.channel:
            raise _wrong(
                f"the sender {part.name} of {part.team} is for {part.channel}, "
                f"but its account {part.carrier_account} carries {channel}"
            )
        self._settle(
            "sender",
            f"{part.team} {part.channel} {part.name}",
            tables.Sender,
            {"team_id": self._team_id(part.team), "channel": part.channel, "name": part.name},
            {
                "address": part.address,
                "display_name": part.display_name,
                "reply_to": part.reply_to,
                "carrier_account_id": account,
                "settings": part.settings,
            },
        )

    def _template(self, part: TemplatePart) -> None:
        from nightmail.templates import load_template
        from nightmail.templates.template_storage import store_template

        path = self._path(part.file)
        if not path.is_file():
            raise _wrong(f"there is no template file {path}")
        template = load_template(path)
        name = f"{part.team}/{template.name}"
        before = self._newest_version(part.team, template.name)
        version_id = store_template(self.connection, part.team, template, actor=self.actor)
        version = self.connection.execute(
            select(tables.TemplateVersion.version).where(tables.TemplateVersion.id == version_id)
        ).scalar_one()
        if version == before:
            self.changes.append(Change(KEEP, "template", name))
        else:
            action = CREATE if before is None else CHANGE
            self.changes.append(Change(action, "template", name, (f"version {version}",)))

    def _newest_version(self, team: str, name: str) -> int | None:
        return self.connection.scalar(
            select(func.max(tables.TemplateVersion.version))
            .join(tables.Template, tables.Template.id == tables.TemplateVersion.template_id)
            .where(tables.Template.team_id == self.team_ids[team], tables.Template.name == name)
        )

    def _feed(self, part: FeedPart) -> None:
        template = self._of_team_or_above(tables.Template, part.team, part.template)
        if template is None:
            raise _wrong(
                f"the feed {part.name} of {part.team} names the template {part.template}, which does not exist"
            )
        server = None
        if part.sftp_server is not None:
            server = (
                self.sftp_ids.get(part.sftp_server)
                or self.connection.execute(
                    select(tables.SftpServer.id).where(tables.SftpServer.name == part.sftp_server)
                ).scalar_one_or_none()
            )
            if server is None:
                raise _wrong(f"the feed {part.name} names the SFTP server {part.sftp_server}, which does not exist")
        refuse_unknown_feed_settings(part)
        category = part.settings.get("category")
        if category is not None and find_category(self.connection, part.team, str(category)) is None:
            raise _wrong(f"the feed {part.name} of {part.team} names the category {category}, which does not exist")
        self._settle(
            "feed",
            f"{part.team}/{part.name}",
            tables.Feed,
            {"team_id": self._team_id(part.team), "name": part.name},
            {
                "template_id": template,
                "sftp_server_id": server,
                "folder": part.folder,
                "default_country": part.default_country,
                "settings": part.settings,
                "schedule": part.schedule,
                "active": True,
            },
        )

    def _api_key(self, part: ApiKeyPart) -> None:
        name = f"{part.team}/{part.name}"
        key = tables.ApiKey
        found = self.connection.execute(
            select(key.id, key.scopes).where(
                key.team_id == self._team_id(part.team), key.name == part.name, key.revoked_at.is_(None)
            )
        ).first()
        if found is None:
            team_id = self.team_ids[part.team]
            made = create_key(self.connection, team_id=team_id, name=part.name, scopes=part.scopes)
            file = None if part.file is None else self._path(part.file)
            self.new_keys.append(NewKey(part.team, part.name, made, file))
            self.changes.append(Change(CREATE, "api key", name, (", ".join(part.scopes),)))
        elif set(found.scopes) != set(part.scopes):
            self.connection.execute(update(key).where(key.id == found.id).values(scopes=list(part.scopes)))
            details = (f"scopes: {', '.join(found.scopes)} → {', '.join(part.scopes)}",)
            self.changes.append(Change(CHANGE, "api key", name, details))
        else:
            self.changes.append(Change(KEEP, "api key", name))

    def _webhook(self, part: WebhookPart) -> None:
        self._settle(
            "webhook",
            f"{part.team} {part.url}",
            tables.Webhook,
            {"team_id": self._team_id(part.team), "url": part.url},
            {"events": list(part.events), "secret": self._secret(part.secret), "active": True},
            hidden=("secret",),
        )

    def _team_id(self, path: str | None) -> int | None:
        return None if path is None else self.team_ids[path]

    def _account(self, name: str, wanted_by: str) -> int:
        found = (
            self.account_ids.get(name)
            or self.connection.execute(
                select(tables.CarrierAccount.id).where(tables.CarrierAccount.name == name)
            ).scalar_one_or_none()
        )
        if found is None:
            raise _wrong(f"the {wanted_by} names the carrier account {name}, which does not exist")
        return int(found)

    def _of_team_or_above(self, table: Any, team: str, name: str) -> int | None:
        parts = team.split(".")
        for length in range(len(parts), 0, -1):
            id_ = self.team_ids[".".join(parts[:length])]
            found = self.connection.execute(
                select(table.id).where(table.team_id == id_, table.name == name)
            ).scalar_one_or_none()
            if found is not None:
                return int(found)
        return None

    def _path(self, file: Path) -> Path:
        return file if file.is_absolute() else self.base / file

    def _secret(self, reference: str | None) -> str | None:
        """The reference with a file's path made whole, so that it holds whatever folder a process starts in."""
        if reference is not None and reference.startswith("file:"):
            return f"file:{self._path(Path(reference.removeprefix('file:'))).resolve()}"
        return reference


def refuse_unknown_feed_settings(part: FeedPart) -> None:
    """Raise :class:`ConfigurationError` when a feed's settings are not those that the pipeline knows."""
    from nightmail.organisation.feeds import feed_settings

    feed_settings(part.settings, f"{part.team}/{part.name}")


def _wrong(detail: str) -> ConfigurationError:
    return ConfigurationError("organisation_invalid", problem=detail)


def _shown(value: Any) -> str:
    shown = json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
